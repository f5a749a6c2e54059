# Bedside: one static binary on nothing, as a user without rights. docker-compose.yml runs it; by itself:
#   docker build -t bedside . && docker run -p 127.0.0.1:8080:8080 -v bedside:/data bedside
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /out/lrs ./cmd/lrs
# A new volume takes its owner and its mode from the image.
RUN mkdir -m 0700 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/lrs /lrs
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV LRS_DATA=/data LRS_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10m --start-interval=1s CMD ["/lrs", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/lrs"]
CMD ["serve"]

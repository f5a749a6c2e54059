package xapi

// Person is the Person Object of the Agents Resource (Communication 2.4): what is known of an Agent, each property an
// array. names may be empty; they come out in the order given. An IFI of no kind is left out.
func Person(ifi IFI, names []string) []byte {
	out := append([]byte(nil), `{"objectType":"Person"`...)
	for i, name := range names {
		if i == 0 {
			out = append(out, `,"name":[`...)
		} else {
			out = append(out, ',')
		}
		out = appendString(out, name)
	}
	if len(names) > 0 {
		out = append(out, ']')
	}
	switch ifi.Kind {
	case Mbox:
		out = appendSingle(out, "mbox", ifi.Value)
	case MboxSHA1Sum:
		out = appendSingle(out, "mbox_sha1sum", ifi.Value)
	case OpenID:
		out = appendSingle(out, "openid", ifi.Value)
	case Account:
		out = appendString(append(out, `,"account":[{"homePage":`...), ifi.HomePage)
		out = append(appendString(append(out, `,"name":`...), ifi.Value), "}]"...)
	}
	return append(out, '}')
}

// appendSingle appends ,"name":["value"].
func appendSingle(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, `,"`...), name...), `":[`...)
	return append(appendString(dst, value), ']')
}

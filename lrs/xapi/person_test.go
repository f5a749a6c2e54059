package xapi

import "testing"

func TestPerson(t *testing.T) {
	for _, test := range []struct {
		ifi   IFI
		names []string
		want  string
	}{
		{IFI{Kind: Mbox, Value: "mailto:a@b.c"}, nil, `{"objectType":"Person","mbox":["mailto:a@b.c"]}`},
		{IFI{Kind: MboxSHA1Sum, Value: "00"}, []string{"Å"}, `{"objectType":"Person","name":["Å"],"mbox_sha1sum":["00"]}`},
		{IFI{Kind: OpenID, Value: "urn:a"}, []string{`A "B"`, "C"}, `{"objectType":"Person","name":["A \"B\"","C"],"openid":["urn:a"]}`},
		{IFI{Kind: Account, HomePage: "urn:h", Value: "n"}, nil, `{"objectType":"Person","account":[{"homePage":"urn:h","name":"n"}]}`},
		{IFI{}, []string{"\xff"}, `{"objectType":"Person","name":["�"]}`},
	} {
		got := Person(test.ifi, test.names)
		if string(got) != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		if err := CheckJSON(got); err != nil {
			t.Error(err)
		}
	}
}

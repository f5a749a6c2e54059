package fact

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Identity is an Inverse Functional Identifier of a person: exactly one of its fields is set. Its JSON is that of an
// Agent with nothing else: {"mbox":"mailto:a@ward.example"}.
type Identity struct {
	Mbox        string   `json:"mbox,omitzero"`
	MboxSHA1Sum string   `json:"mbox_sha1sum,omitzero"`
	OpenID      string   `json:"openid,omitzero"`
	Account     *Account `json:"account,omitzero"`
}

// Account is a login on some system.
type Account struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

// ParseIdentity reads an Agent as xAPI writes it. A name and an objectType may be there and are left out. The error
// says what is wrong; it is an *xapi.Error.
func ParseIdentity(raw []byte) (Identity, error) {
	agent, err := xapi.ParseAgentParam(raw, xapi.V2, false)
	if err != nil {
		return Identity{}, fmt.Errorf("identity: %w", err)
	}
	ifi, _ := agent.IFI()
	return IdentityOf(ifi), nil
}

// IdentityOf gives the identity that a statement's parser found.
func IdentityOf(ifi xapi.IFI) Identity {
	switch ifi.Kind {
	case xapi.Mbox:
		return Identity{Mbox: ifi.Value}
	case xapi.MboxSHA1Sum:
		return Identity{MboxSHA1Sum: ifi.Value}
	case xapi.OpenID:
		return Identity{OpenID: ifi.Value}
	case xapi.Account:
		return Identity{Account: &Account{ifi.HomePage, ifi.Value}}
	}
	return Identity{}
}

// Validate checks that one identifier is set and that xAPI allows it.
func (i Identity) Validate() error {
	raw, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	_, err = ParseIdentity(raw)
	return err
}

// IsZero reports whether no identifier is set, as in a Group without one.
func (i Identity) IsZero() bool { return i == Identity{} }

// Key gives the one text of all ways to write the identity, "" for none: "mbox_sha1sum:", "openid:" or "account:" and
// the value. An mbox has the key of its mbox_sha1sum, so that either finds what was posted under the other; before it is
// hashed its domain is in lower case. No two valid identities of different people share a key: between an account's
// home page and name is a space, which no home page has.
func (i Identity) Key() string {
	switch {
	case i.Mbox != "":
		sum, _ := xapi.IFI{Kind: xapi.Mbox, Value: i.Mbox}.SHA1Sum()
		return sum.Key()
	case i.MboxSHA1Sum != "":
		return xapi.IFI{Kind: xapi.MboxSHA1Sum, Value: i.MboxSHA1Sum}.Key()
	case i.OpenID != "":
		return xapi.IFI{Kind: xapi.OpenID, Value: i.OpenID}.Key()
	case i.Account != nil:
		return xapi.IFI{Kind: xapi.Account, HomePage: i.Account.HomePage, Value: i.Account.Name}.Key()
	}
	return ""
}

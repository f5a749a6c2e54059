package people

import (
	"errors"
	"strings"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections/fact"
)

// Key gives the canonical key of an identity, by which two are the same: fact.Identity's. An mbox has that of its
// mbox_sha1sum.
func Key(i event.Identity) string { return factOf(i).Key() }

// spellings gives all keys (xapi.IFI.Key) under which statements may name the identity, the canonical one first.
func spellings(i event.Identity) []string {
	keys := []string{Key(i)}
	if i.Mbox != "" {
		keys = append(keys, xapi.IFI{Kind: xapi.Mbox, Value: i.Mbox}.Key())
	}
	return keys
}

// canonical takes either key of an mbox to its canonical one, and leaves every other key as it is.
func canonical(key string) string {
	if mbox, ok := strings.CutPrefix(key, "mbox:"); ok {
		return Key(event.Identity{Mbox: mbox})
	}
	return key
}

func factOf(i event.Identity) fact.Identity {
	f := fact.Identity{Mbox: i.Mbox, MboxSHA1Sum: i.MboxSHA1Sum, OpenID: i.OpenID}
	if i.Account != (event.Account{}) {
		f.Account = &fact.Account{HomePage: i.Account.HomePage, Name: i.Account.Name}
	}
	return f
}

// fieldOf names the IFI that an identity has.
func fieldOf(i event.Identity) string {
	switch {
	case i.Mbox != "":
		return "mbox"
	case i.MboxSHA1Sum != "":
		return "mbox_sha1sum"
	case i.OpenID != "":
		return "openid"
	}
	return "account"
}

// checkIdentity refuses what is not exactly one IFI that is valid in a statement (xAPI 1.0.3, Data 2.4.2.3).
func checkIdentity(i event.Identity) error {
	if i.Account != (event.Account{}) {
		home, name := checkText("account.homePage", i.Account.HomePage, true), checkText("account.name", i.Account.Name, true)
		if err := firstOf(home, name); err != nil {
			return err
		}
	}
	n := 0
	for _, ifi := range []string{i.Mbox, i.MboxSHA1Sum, i.OpenID, i.Account.Name} {
		if ifi != "" {
			n++
		}
		if err := checkText(fieldOf(i), ifi, false); err != nil {
			return err
		}
	}
	if n != 1 {
		return refuse(Invalid, "", "an identity is exactly one of mbox, mbox_sha1sum, openid and account; this has %d", n)
	}
	err := factOf(i).Validate()
	if err == nil {
		return nil
	}
	r := refuse(Invalid, fieldOf(i), "%v", err)
	var bad *xapi.Error
	if errors.As(err, &bad) {
		r.Message = bad.Message
		if bad.Pointer == "/account/homePage" {
			r.Field = "account.homePage"
		}
	}
	return r
}

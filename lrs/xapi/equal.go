package xapi

import (
	"bytes"
	"errors"
	"fmt"
)

// Equal says whether two Statements, as JSON, are the same Statement: whether all their differences could have come
// about by what an LRS may change (Data 2.3.1, "Statement Comparision Requirements"). Either may be as the client sent
// it or as it was stored; both were accepted before. It is an error if one is not a JSON object, or has a
// name twice in what is compared. These differences do not count:
//
//   - id, stored, authority, version: the LRS assigns or overwrites them. Whoever compares has found both by one id.
//   - timestamp, if one of the two has none: the LRS assigned the other's. Two timestamps must be the same instant,
//     whatever their zones. (Not so in a SubStatement, where no LRS assigns one.)
//   - the display of Verbs and the definition of Activities, also in context and SubStatement: descriptions belong to
//     the Verb and the Activity, not to the Statement.
//   - the order of a Group's members, the one list that the text calls unordered. contextActivities, relevantTypes and
//     the rest keep their order, because 2.3.1 wants every serialization kept that it does not list.
//   - a contextActivities value that is one Activity where the other has an array of it (2.4.6.2).
//   - an objectType that is given where the other leaves it to the default: Agent for an Actor, Activity for an Object.
//   - case, where the type itself has none: an e-mail address's domain, the hex of mbox_sha1sum, UUIDs, the tag in
//     context.language.
//   - precision of a Duration beyond 0.01 s, which is cut off (4.6; SHOULD* in 1.0.3, a shall in 2.0). Otherwise a
//     Duration is a string: "PT60S" is not "PT1M".
//   - what two timestamps have beyond the ninth digit of their seconds' fraction.
//   - the order of members, white space and escapes, which are no part of JSON's values. Numbers, though, are compared
//     as they are spelled: 1 and 1.0 are different serializations.
//
// The data of attachments takes no part; the attachments property, with its hashes as they are spelled, does.
func Equal(a, b []byte) (bool, error) {
	an, err := storedObject(a)
	if err != nil {
		return false, fmt.Errorf("comparing statements: %w", err)
	}
	bn, err := storedObject(b)
	if err != nil {
		return false, fmt.Errorf("comparing statements: %w", err)
	}
	equal, twice := sameStatement(an, bn, false)
	if twice {
		return false, errors.New("comparing statements: a name is twice in an object")
	}
	return equal, nil
}

// sameStatement compares two Statements, without the signatures among their attachments if unsigned is true. twice says
// that an object of one of them has a name twice.
func sameStatement(a, b jsonValue, unsigned bool) (equal, twice bool) {
	assigned := !a.get("timestamp").given() || !b.get("timestamp").given()
	an, bn := normalStatement(a, assigned, unsigned), normalStatement(b, assigned, unsigned)
	return bytes.Equal(an.out, bn.out), an.twice || bn.twice
}

// normalStatement writes a Statement in the one form that all equal Statements share.
func normalStatement(n jsonValue, noTimestamp, unsigned bool) normalizer {
	z := normalizer{out: make([]byte, 0, len(n.raw)+len(n.raw)/8)} // commas after the last, too
	z.object(n, "", func(name []byte, value jsonValue) rule {
		switch string(name) {
		case "id", "stored", "authority", "version":
			return nil
		case "timestamp":
			if noTimestamp {
				return nil
			}
		case "attachments":
			switch {
			case unsigned && hasUnsigned(value):
				return func(z *normalizer, n jsonValue) { z.array(n, isUnsigned, (*normalizer).any) }
			case unsigned:
				return nil
			}
		}
		return contentRule(name)
	})
	return z
}

package fact

import "github.com/bedside-lrs/bedside/lrs/xapi"

// reader fills Features from a statement. Members that nobody asks for are skipped.
type reader struct {
	scanner
	Features
	timed bool // there is a timestamp or a stored
}

func (r *reader) statement() {
	stamped := false
	for name := range r.members() {
		switch name {
		case "id":
			r.ID = lower(r.string())
		case "actor":
			r.actor()
		case "verb":
			r.Verb = r.id()
		case "object":
			r.object()
		case "result":
			r.result()
		case "context":
			r.context()
		case "timestamp":
			r.Timestamp, stamped = r.time(), true
		case "stored":
			r.Stored = r.time()
			r.timed = true
		default:
			r.skip()
		}
	}
	if !stamped {
		r.Timestamp = r.Stored
	}
	r.timed = r.timed || stamped
}

// time reads a timestamp as µs since 1970.
func (r *reader) time() int64 {
	text := r.string()
	if r.err != nil {
		return 0
	}
	t, err := xapi.ParseTimestamp(text)
	if err != nil {
		r.fail("%v", err)
		return 0
	}
	return t.UnixMicro()
}

// id reads an object for its id.
func (r *reader) id() (id string) {
	for name := range r.members() {
		if name == "id" {
			id = r.string()
		} else {
			r.skip()
		}
	}
	return id
}

// party is an Agent or a Group.
type party struct {
	Agent
	group   bool
	members []Agent
}

func (r *reader) party() (p party) {
	for name := range r.members() {
		r.partyMember(name, &p)
	}
	return p
}

func (r *reader) partyMember(name string, p *party) {
	switch name {
	case "objectType":
		p.group = r.string() == "Group"
	case "name":
		p.Name = r.string()
	case "mbox":
		p.Mbox = r.string()
	case "mbox_sha1sum":
		p.MboxSHA1Sum = r.string()
	case "openid":
		p.OpenID = r.string()
	case "account":
		p.Account = r.account()
	case "member":
		for range r.elements() {
			// A member has no members: that JSON is valid does not bound its depth.
			var m party
			for name := range r.members() {
				if name == "member" {
					r.skip()
				} else {
					r.partyMember(name, &m)
				}
			}
			p.members = append(p.members, m.Agent)
		}
	default:
		r.skip()
	}
}

func (r *reader) account() *Account {
	var a Account
	for name := range r.members() {
		switch name {
		case "homePage":
			a.HomePage = r.string()
		case "name":
			a.Name = r.string()
		default:
			r.skip()
		}
	}
	return &a
}

func (r *reader) actor() {
	if p := r.party(); p.group {
		r.Actors = p.members
	} else {
		r.Actors = []Agent{p.Agent}
	}
}

// object reads all kinds of objects alike, because objectType may come last.
func (r *reader) object() {
	r.ObjectType, r.ObjectID, r.ActivityType, r.definitionExtensions = "Activity", "", "", ""
	var p party
	for name := range r.members() {
		switch name {
		case "objectType":
			r.ObjectType = r.string()
		case "id":
			r.ObjectID = r.string()
		case "definition":
			r.definition()
		case "name", "mbox", "mbox_sha1sum", "openid", "account":
			r.partyMember(name, &p)
		default:
			r.skip()
		}
	}
	switch r.ObjectType {
	case "Agent":
		r.ObjectAgent = p.Agent
	case "StatementRef":
		r.ObjectID = lower(r.ObjectID)
	case "Activity", "Group", "SubStatement":
	default:
		r.fail("%.40q is no type of an object", r.ObjectType)
	}
}

func (r *reader) definition() {
	for name := range r.members() {
		switch name {
		case "type":
			r.ActivityType = r.string()
		case "extensions":
			r.definitionExtensions = r.skip()
		default:
			r.skip()
		}
	}
}

func (r *reader) result() {
	for name := range r.members() {
		switch name {
		case "score":
			r.score()
		case "success":
			r.Success = r.bool()
		case "completion":
			r.Completion = r.bool()
		case "duration":
			r.Duration = r.string()
		case "response":
			r.Response = r.string()
		case "extensions":
			r.resultExtensions = r.skip()
		default:
			r.skip()
		}
	}
}

func (r *reader) score() {
	for name := range r.members() {
		switch name {
		case "scaled":
			r.Score.Scaled = r.number()
		case "raw":
			r.Score.Raw = r.number()
		case "min":
			r.Score.Min = r.number()
		case "max":
			r.Score.Max = r.number()
		default:
			r.skip()
		}
	}
}

func (r *reader) context() {
	for name := range r.members() {
		switch name {
		case "registration":
			r.Registration = lower(r.string())
		case "instructor":
			r.Instructor = r.party().Agent
		case "team":
			if a := r.party().Account; a != nil {
				r.Team = a.Name
			}
		case "contextActivities":
			r.contextActivities()
		case "extensions":
			r.contextExtensions = r.skip()
		default:
			r.skip()
		}
	}
}

func (r *reader) contextActivities() {
	for name := range r.members() {
		switch name {
		case "parent":
			r.Parent = r.ids()
		case "grouping":
			r.Grouping = r.ids()
		case "category":
			r.Category = r.ids()
		case "other":
			r.Other = r.ids()
		default:
			r.skip()
		}
	}
}

// ids reads the ids of Activities; one alone may come without its array, before the statement is stored.
func (r *reader) ids() []string {
	if r.peek() == '{' {
		return []string{r.id()}
	}
	var ids []string
	for range r.elements() {
		ids = append(ids, r.id())
	}
	return ids
}

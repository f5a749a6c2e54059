package definition

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// MaxCASE is the length of the longest CFPackage, in bytes.
const MaxCASE = 64 << 20

// CASELevels are the levels of an imported framework whose importer names no others: from novice to expert, as nursing
// knows them (Benner, From Novice to Expert, 1984). CASE itself has none.
func CASELevels() []Level {
	return []Level{
		{ID: "novice", From: 0, Name: Text{"en": "Novice"}},
		{ID: "advanced-beginner", From: 0.3, Name: Text{"en": "Advanced beginner"}},
		{ID: "competent", From: 0.5, Name: Text{"en": "Competent"}},
		{ID: "proficient", From: 0.7, Name: Text{"en": "Proficient"}},
		{ID: "expert", From: 0.85, Name: Text{"en": "Expert"}},
	}
}

// ImportCASE makes a framework of a CFPackage, the JSON of 1EdTech CASE 1.1 (or 1.0), with or without a byte order mark.
//
// Its competencies are the CFItems whose CFItemType is Competency or Skill or, where none is, those that are nobody's
// parent by the CFAssociations isChildOf; in the order of the tree. A competency has the item's uri as id, its
// abbreviatedStatement as name and its fullStatement as description, or that as name if there is no other. The criteria
// of CFRubrics become indicators of their item, where the quality of a level is the id or a name of one of levels.
//
// id is the framework's, "" for the CFDocument's uri; no levels are [CASELevels]. It has no requirements: what a role
// must reach is for the hospital to say. The errors name what is wrong with the package; what is wrong with the
// framework that it makes, such as its size, is [Faults].
func ImportCASE(pkg []byte, id string, levels []Level) (*Framework, error) {
	if len(pkg) > MaxCASE {
		return nil, fmt.Errorf("the CFPackage has %d bytes, more than %d", len(pkg), MaxCASE)
	}
	var p casePackage
	if err := json.Unmarshal(bytes.TrimPrefix(pkg, []byte("\uFEFF")), &p); err != nil {
		return nil, fmt.Errorf("it is no CFPackage: %w", err)
	}
	if p.Document.URI == "" && p.Document.Title == "" {
		return nil, errors.New("it is no CFPackage: it has no CFDocument with a uri and a title")
	}
	if len(levels) == 0 {
		levels = CASELevels()
	}
	f := &Framework{Levels: levels, Requirements: []Requirement{}}
	f.KindName, f.IRI = KindFramework, cmp.Or(id, p.Document.URI)
	f.Name, f.Description = p.text("", p.Document.Title), p.text("", p.Document.Description)
	items, err := p.competencies()
	if err != nil {
		return nil, err
	}
	indicators := p.indicators(levels)
	for _, item := range items {
		c := Competency{ID: item.URI, Name: p.text(item.Language, cmp.Or(item.Abbreviated, item.Full)), Indicators: indicators[item]}
		if item.Abbreviated != "" && item.Full != item.Abbreviated {
			c.Description = p.text(item.Language, item.Full)
		}
		f.Competencies = append(f.Competencies, c)
	}
	return f.document()
}

// document gives the framework as it is when its own JSON is parsed.
func (f *Framework) document() (*Framework, error) {
	body, err := json.Marshal(f, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("definition: write a framework: %w", err)
	}
	d, err := Parse(body)
	if err != nil {
		return nil, err
	}
	parsed := d.(*Framework) // of its own kind
	if faults := Check(Set{}, parsed); len(faults) > 0 {
		return nil, faults
	}
	return parsed, nil
}

// casePackage is what is read of a CFPackage.
type casePackage struct {
	Document     caseDocument      `json:"CFDocument"`
	Items        []caseItem        `json:"CFItems"`
	Associations []caseAssociation `json:"CFAssociations"`
	Rubrics      []caseRubric      `json:"CFRubrics"`
}

type caseDocument struct {
	URI         string `json:"uri"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Language    string `json:"language"`
}

type caseItem struct {
	Identifier  string `json:"identifier"`
	URI         string `json:"uri"`
	Full        string `json:"fullStatement"`
	Abbreviated string `json:"abbreviatedStatement"`
	Type        string `json:"CFItemType"`
	Language    string `json:"language"`
}

// caseAssociation is a line between two nodes; isChildOf goes from the child to the parent.
type caseAssociation struct {
	Type        string   `json:"associationType"`
	Sequence    float64  `json:"sequenceNumber"`
	Origin      caseLink `json:"originNodeURI"`
	Destination caseLink `json:"destinationNodeURI"`
}

type caseLink struct {
	Identifier string `json:"identifier"`
	URI        string `json:"uri"`
}

type caseRubric struct {
	Criteria []struct {
		Item   caseLink `json:"CFItemURI"`
		Levels []struct {
			Quality     string `json:"quality"`
			Description string `json:"description"`
		} `json:"CFRubricCriterionLevels"`
	} `json:"CFRubricCriteria"`
}

// is tells whether a link leads to an item.
func (l caseLink) is(item *caseItem) bool {
	if l.Identifier != "" && item.Identifier != "" {
		return strings.EqualFold(l.Identifier, item.Identifier) // a UUID
	}
	return l.URI != "" && l.URI == item.URI
}

// text is a text in its language, or the document's; that is und (RFC 5646) where neither says.
func (p *casePackage) text(language, text string) Text {
	if text == "" {
		return nil
	}
	return Text{cmp.Or(language, p.Document.Language, "und"): text}
}

// competencies picks the items that people can have, in the order of the tree.
func (p *casePackage) competencies() ([]*caseItem, error) {
	tree := p.tree()
	picked := func(item *caseItem) bool {
		return strings.EqualFold(item.Type, "Competency") || strings.EqualFold(item.Type, "Skill")
	}
	if !slices.ContainsFunc(tree.order, picked) {
		picked = func(item *caseItem) bool { return len(tree.children[item]) == 0 }
	}
	var items []*caseItem
	for _, item := range tree.order {
		if !picked(item) {
			continue
		}
		name := cmp.Or(item.URI, item.Identifier, item.Full)
		if err := xapi.CheckIRI(item.URI); err != nil {
			return nil, fmt.Errorf("the CFItem %q has no uri that is an IRI: %w", name, err)
		}
		if item.Full == "" && item.Abbreviated == "" {
			return nil, fmt.Errorf("the CFItem %q has no fullStatement", name)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errors.New("the CFPackage has no CFItems that could be competencies: none has the type Competency or Skill, and none is without children")
	}
	return items, nil
}

// finder gives what finds the item that a link leads to, nil for none of the package.
func (p *casePackage) finder() func(caseLink) *caseItem {
	byIdentifier, byURI := map[string]*caseItem{}, map[string]*caseItem{}
	for i := range p.Items {
		item := &p.Items[i]
		byIdentifier[strings.ToLower(item.Identifier)], byURI[item.URI] = item, item
	}
	return func(l caseLink) *caseItem {
		if item := byIdentifier[strings.ToLower(l.Identifier)]; item != nil && l.is(item) {
			return item
		}
		if item := byURI[l.URI]; item != nil && l.is(item) {
			return item
		}
		return nil
	}
}

// caseTree is the items by isChildOf.
type caseTree struct {
	order    []*caseItem // parents before their children, these by sequence; each once
	children map[*caseItem][]*caseItem
}

// tree reads the associations. An item whose parents are unknown, or which is its own ancestor, is at the top, in the
// order of the file.
func (p *casePackage) tree() *caseTree {
	find := p.finder()
	t := &caseTree{children: map[*caseItem][]*caseItem{}}
	hasParent := map[*caseItem]bool{}
	associations := slices.Clone(p.Associations)
	slices.SortStableFunc(associations, func(a, b caseAssociation) int { return cmp.Compare(a.Sequence, b.Sequence) })
	for _, a := range associations {
		child, parent := find(a.Origin), find(a.Destination)
		if strings.EqualFold(a.Type, "isChildOf") && child != nil && parent != nil && child != parent {
			t.children[parent] = append(t.children[parent], child)
			hasParent[child] = true
		}
	}
	seen := map[*caseItem]bool{}
	for pass := range 2 { // the second for those in a circle
		for i := range p.Items {
			if item := &p.Items[i]; pass == 1 || !hasParent[item] {
				t.walk(item, seen)
			}
		}
	}
	return t
}

// walk puts an item and what is below it in order, with a stack of its own: a package may be as deep as it is long.
func (t *caseTree) walk(top *caseItem, seen map[*caseItem]bool) {
	for stack := []*caseItem{top}; len(stack) > 0; {
		last := len(stack) - 1
		item := stack[last]
		stack = stack[:last]
		if seen[item] {
			continue
		}
		seen[item] = true
		t.order = append(t.order, item)
		below := t.children[item]
		for i := len(below) - 1; i >= 0; i-- {
			stack = append(stack, below[i])
		}
	}
}

// indicators are what the rubrics say is seen of a person, by item and level.
func (p *casePackage) indicators(levels []Level) map[*caseItem]map[string][]Text {
	find := p.finder()
	all := map[*caseItem]map[string][]Text{}
	for _, r := range p.Rubrics {
		for _, criterion := range r.Criteria {
			item := find(criterion.Item)
			for _, l := range criterion.Levels {
				id, ok := levelOf(levels, l.Quality)
				text := p.text("", l.Description)
				if item == nil || !ok || text == nil {
					continue
				}
				if all[item] == nil {
					all[item] = map[string][]Text{}
				}
				all[item][id] = append(all[item][id], text)
			}
		}
	}
	return all
}

// levelOf finds a level by its id or one of its names.
func levelOf(levels []Level, quality string) (string, bool) {
	for _, l := range levels {
		if strings.EqualFold(l.ID, quality) {
			return l.ID, true
		}
		for _, name := range l.Name {
			if strings.EqualFold(name, quality) {
				return l.ID, true
			}
		}
	}
	return "", false
}

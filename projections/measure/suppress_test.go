package measure

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hospitalTree is that of the domain's vectors.
var hospitalTree = map[string]string{
	"hospital": "", "medicine": "hospital", "ward-a": "medicine", "ward-b": "medicine",
	"surgery": "hospital", "ward-c": "surgery", "clinic": "surgery",
}

// By hand, with minN = 5.
func TestPublished(t *testing.T) {
	deep := map[string]string{"top": "", "a": "top", "b": "top", "a1": "a", "a2": "a", "a3": "a"}
	for _, x := range []struct {
		name    string
		parents map[string]string
		n       map[string]int
		want    string
	}{
		{"all large", hospitalTree,
			map[string]int{"hospital": 40, "medicine": 20, "ward-a": 10, "ward-b": 10, "surgery": 20, "ward-c": 10, "clinic": 10},
			"clinic hospital medicine surgery ward-a ward-b ward-c"},
		{"one small: its sister goes too", hospitalTree,
			map[string]int{"hospital": 34, "medicine": 20, "ward-a": 10, "ward-b": 10, "surgery": 14, "ward-c": 4, "clinic": 10},
			"hospital medicine surgery ward-a ward-b"},
		{"one of none needs no sister", hospitalTree,
			map[string]int{"hospital": 30, "medicine": 20, "ward-a": 10, "ward-b": 10, "surgery": 10, "ward-c": 0, "clinic": 10},
			"clinic hospital medicine surgery ward-a ward-b"},
		{"a small branch: the smaller of the others goes, then by what is below it", hospitalTree,
			map[string]int{"hospital": 24, "medicine": 20, "ward-a": 11, "ward-b": 9, "surgery": 4, "ward-c": 2, "clinic": 2},
			// 24 − 20 = 4: medicine goes; 24 − 11 − 9 = 4: ward-b goes; 24 − 11 is enough
			"hospital ward-a"},
		{"small ones that are large together", hospitalTree,
			map[string]int{"hospital": 28, "medicine": 20, "ward-a": 10, "ward-b": 10, "surgery": 8, "ward-c": 4, "clinic": 4},
			"hospital medicine surgery ward-a ward-b"},
		{"of equals the smallest id", hospitalTree,
			map[string]int{"hospital": 23, "medicine": 10, "ward-a": 5, "ward-b": 5, "surgery": 13, "ward-c": 6, "clinic": 6},
			// surgery itself has 1 that is of no ward: clinic goes
			"hospital medicine surgery ward-a ward-b ward-c"},
		{"answers of the unit itself", deep,
			map[string]int{"top": 12, "a": 10, "a1": 10, "b": 0},
			// top has 2 itself: a goes, then a1
			"top"},
		{"nobody", deep, nil, ""},
		{"exactly minN", deep, map[string]int{"top": 10, "a": 5, "b": 5}, "a b top"},
		{"one less", deep, map[string]int{"top": 9, "a": 5, "b": 4}, "top"},
		{"the smallest, not the first", deep, map[string]int{"top": 13, "a": 7, "b": 5, "a1": 7}, "a a1 top"},
		{"below what is hidden", deep,
			// top − b − a1 − a2 = 23 − 5 − 6 − 8 = 4, a being too small for what is below it (as no subtree is)
			map[string]int{"top": 23, "b": 5, "a": 4, "a1": 6, "a2": 8}, "a1 a2 top"},
	} {
		got := NewTree(x.parents).Published(x.n, 5)
		if ids := strings.Join(slices.Sorted(maps.Keys(got)), " "); ids != x.want {
			t.Errorf("%s: %s; want %s", x.name, ids, x.want)
		}
	}
}

func TestPublishedEdges(t *testing.T) {
	tree := NewTree(hospitalTree)
	for _, minN := range []int{-1, 0} {
		if got := tree.Published(nil, minN); len(got) != len(hospitalTree) {
			t.Errorf("minN %d publishes %v", minN, got)
		}
	}
	if got := tree.Published(map[string]int{"hospital": 9, "strange": 9}, 5); len(got) != 1 || !got["hospital"] {
		t.Errorf("publishes %v", got)
	}
	// What registration refuses: never a panic, nor an endless loop.
	for _, parents := range []map[string]string{
		nil, {"": ""}, {"": "a", "a": ""}, {"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "a", "c": "a"},
	} {
		got := NewTree(parents).Published(map[string]int{"": 9, "a": 9, "b": 9, "c": 9}, 5)
		if got["b"] || got["c"] || got[""] {
			t.Errorf("%v publishes %v", parents, got)
		}
	}
	if got := NewTree(map[string]string{"a": "gone"}).Published(map[string]int{"a": 9}, 5); !got["a"] {
		t.Error("a unit whose parent is gone is not published")
	}
}

// hospitalUnits is a tree with its numbers, drawn such that small ones abound.
type hospitalUnits struct {
	parents map[string]string
	n       map[string]int
}

func someUnits(t *rapid.T) hospitalUnits {
	h := hospitalUnits{map[string]string{}, map[string]int{}}
	var ids []string
	for i := range rapid.IntRange(1, 14).Draw(t, "units") {
		id := fmt.Sprintf("%02d", rapid.IntRange(0, 99).Draw(t, "id"))
		if _, ok := h.parents[id]; ok {
			continue
		}
		h.parents[id] = ""
		if i > 0 && rapid.IntRange(0, 9).Draw(t, "is below") > 0 {
			h.parents[id] = rapid.SampledFrom(ids).Draw(t, "parent")
		}
		ids = append(ids, id)
		own := rapid.IntRange(0, 8).Draw(t, "own")
		for above := id; above != ""; above = h.parents[above] {
			h.n[above] += own
		}
	}
	return h
}

// beyond is what a published unit has beyond the nearest published ones below it, found unit by unit: those that are
// below it and have no published unit between.
func (h hospitalUnits) beyond(unit string, published map[string]bool) (rest int, nearest []string) {
	rest = h.n[unit]
	for id := range published {
		above := h.parents[id]
		for above != "" && !published[above] {
			above = h.parents[above]
		}
		if id != unit && above == unit {
			rest -= h.n[id]
			nearest = append(nearest, id)
		}
	}
	return rest, nearest
}

// literally applies the sentence of DOMAIN.md by brute force: whenever it hides a unit it starts anew from the top.
func (h hospitalUnits) literally(minN int) map[string]bool {
	published := map[string]bool{}
	for id := range h.parents {
		if h.n[id] >= minN {
			published[id] = true
		}
	}
	depth := func(id string) (d int) {
		for ; h.parents[id] != ""; id = h.parents[id] {
			d++
		}
		return d
	}
	topDown := slices.SortedFunc(maps.Keys(h.parents), func(a, b string) int { return depth(a) - depth(b) })
	for again := true; again; {
		again = false
		for _, unit := range topDown {
			rest, nearest := h.beyond(unit, published)
			if published[unit] && rest >= 1 && rest < minN {
				slices.SortFunc(nearest, func(a, b string) int {
					if h.n[a] != h.n[b] {
						return h.n[a] - h.n[b]
					}
					return strings.Compare(a, b)
				})
				delete(published, nearest[0])
				again = true
				break
			}
		}
	}
	return published
}

func TestPublishedProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := someUnits(t)
		minN := rapid.IntRange(0, 12).Draw(t, "minN")
		published := NewTree(h.parents).Published(h.n, minN)
		for unit := range published {
			if h.n[unit] < minN {
				t.Fatalf("%s is published with %d", unit, h.n[unit])
			}
			if rest, _ := h.beyond(unit, published); rest >= 1 && rest < minN {
				t.Fatalf("%s tells of %d", unit, rest)
			}
		}
		if want := h.literally(minN); !maps.Equal(published, want) {
			t.Fatalf("published %v; want %v", published, want)
		}
		if again := NewTree(maps.Clone(h.parents)).Published(maps.Clone(h.n), minN); !maps.Equal(again, published) {
			t.Fatalf("published %v, then %v", published, again)
		}
		for top := range h.parents { // a top whose n is enough is never hidden
			if h.parents[top] == "" && h.n[top] >= minN && !published[top] {
				t.Fatalf("%s is hidden", top)
			}
		}
	})
}

func BenchmarkPublished(b *testing.B) {
	parents, n := map[string]string{"hospital": ""}, map[string]int{}
	for i := range 500 {
		id := fmt.Sprint(i)
		parents[id] = "hospital"
		n[id], n["hospital"] = i%11, n["hospital"]+i%11
	}
	tree := NewTree(parents)
	for b.Loop() {
		tree.Published(n, 5)
	}
}

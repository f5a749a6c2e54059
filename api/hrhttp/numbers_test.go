package hrhttp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestEveryNumberIsExplained: each number that the analyses' answers have is named in NUMBERS.md.
func TestEveryNumberIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../projections/NUMBERS.md")
	if err != nil {
		t.Fatal(err)
	}
	apart := map[string]bool{"revision": true} // of definitions: it is no number about people
	found := 0
	for _, file := range []string{"competencies.go", "gaps.go", "evaluations.go", "effectiveness.go", "kpis.go", "basis.go", "unmapped.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil || !isNumber(field.Type) {
				return true
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			if name == "" || apart[name] {
				return true
			}
			found++
			if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "."+name+"`") {
				t.Errorf("%s: %s is not in NUMBERS.md", file, name)
			}
			return true
		})
	}
	if found < 30 {
		t.Errorf("only %d numbers were found", found)
	}
}

func isNumber(e ast.Expr) bool {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	id, ok := e.(*ast.Ident)
	return ok && (id.Name == "int" || id.Name == "int64" || id.Name == "float64")
}

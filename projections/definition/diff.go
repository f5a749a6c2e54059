package definition

import "strings"

// around is how many unchanged lines a diff shows around what changed.
const around = 3

// mostCells bounds the table of a diff. Beyond it all lines in question count as changed.
const mostCells = 4_000_000

// line is one of a diff.
type line struct {
	sign byte // '+', '-' or ' '
	text string
}

// diff shows how to get from one text to another: what changed and some lines around it, with "…" where others are left
// out.
func diff(before, after []string) string {
	lines := align(before, after)
	shown := make([]bool, len(lines))
	for i := range lines {
		if lines[i].sign != ' ' {
			for j := max(0, i-around); j <= min(len(lines)-1, i+around); j++ {
				shown[j] = true
			}
		}
	}
	var b strings.Builder
	for i, l := range lines {
		switch {
		case shown[i]:
			b.WriteString(string(l.sign) + " " + l.text + "\n")
		case i == 0 || shown[i-1]:
			b.WriteString("  …\n")
		}
	}
	return b.String()
}

// align finds a longest common subsequence of lines.
func align(before, after []string) []line {
	head := 0
	for head < len(before) && head < len(after) && before[head] == after[head] {
		head++
	}
	tail := 0
	for tail < len(before)-head && tail < len(after)-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	var lines []line
	add := func(sign byte, texts []string) {
		for _, text := range texts {
			lines = append(lines, line{sign, text})
		}
	}
	add(' ', before[:head])
	old, new := before[head:len(before)-tail], after[head:len(after)-tail]
	if len(old)*len(new) > mostCells {
		add('-', old)
		add('+', new)
	} else {
		lines = append(lines, common(old, new)...)
	}
	add(' ', before[len(before)-tail:])
	return lines
}

// common is align by the table of lengths: longest[i][j] is that of old[i:] and new[j:].
func common(old, new []string) []line {
	longest := make([][]int, len(old)+1)
	for i := range longest {
		longest[i] = make([]int, len(new)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(new) - 1; j >= 0; j-- {
			if old[i] == new[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var lines []line
	i, j := 0, 0
	for i < len(old) || j < len(new) {
		switch {
		case i < len(old) && j < len(new) && old[i] == new[j]:
			lines = append(lines, line{' ', old[i]})
			i, j = i+1, j+1
		case j == len(new) || i < len(old) && longest[i+1][j] >= longest[i][j+1]:
			lines = append(lines, line{'-', old[i]})
			i++
		default:
			lines = append(lines, line{'+', new[j]})
			j++
		}
	}
	return lines
}

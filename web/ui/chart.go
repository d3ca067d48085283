package ui

import (
	"strconv"

	"portico/domain"
)

// Chart is two amounts for each of some groups, such as months, in one currency.
type Chart struct {
	Says          string // what there is to see, for who does not
	When          string // what the groups are
	First, Second string // what the amounts are
	Groups        []ChartGroup
}

// ChartGroup is one of them. Amounts below zero are drawn as none.
type ChartGroup struct {
	Name, Short   string
	First, Second domain.Money
}

// The picture's measures, in units of its own.
const (
	chartWide, chartHigh = 464.0, 154.0
	barWide              = 0.34 // of a group
)

type chartBar struct{ class, x, y, width, height string }

func (c Chart) most() int64 {
	most := int64(1)
	for _, g := range c.Groups {
		most = max(most, g.First.Minor, g.Second.Minor)
	}
	return most
}

func (c Chart) group() float64 { return chartWide / float64(max(len(c.Groups), 1)) }

func (c Chart) bars() (all []chartBar) {
	for i, g := range c.Groups {
		left := (float64(i) + (1-2*barWide)/2) * c.group()
		all = append(all, c.bar("f-soft", left, g.First), c.bar("f-brand", left+barWide*c.group(), g.Second))
	}
	return all
}

func (c Chart) bar(class string, x float64, m domain.Money) chartBar {
	high := chartHigh * float64(max(m.Minor, 0)) / float64(c.most())
	return chartBar{class, unit(x), unit(chartHigh - high), unit(barWide*c.group() - 1), unit(high)}
}

// grid are lines at quarters of the highest bar.
func (c Chart) grid() (at []string) {
	for i := range 5 {
		at = append(at, unit(chartHigh*float64(i)/4))
	}
	return at
}

func (c Chart) middle(i int) string { return unit((float64(i) + 0.5) * c.group()) }

func unit(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

package reporting

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Dimension is what volumes can be grouped by.
type Dimension string

// The dimensions. ByHour and ByDay are of acceptance, in UTC; at most one of them makes sense.
const (
	ByHour        Dimension = "hour"
	ByDay         Dimension = "day"
	ByAccount     Dimension = "account"
	ByIntegration Dimension = "integration"
	ByCountry     Dimension = "country"
	ByCarrier     Dimension = "carrier"
	ByStatus      Dimension = "status"
)

// expression returns the SQL of a dimension and the column of Volume that it fills, or false for one that there is not.
func (d Dimension) expression() (expr, column string, ok bool) {
	switch d {
	case ByHour:
		return "hour", "hour", true
	case ByDay:
		return "CAST(DATE(hour) AS DATETIME)", "hour", true
	case ByAccount, ByIntegration, ByCountry, ByCarrier, ByStatus:
		return string(d), string(d), true
	}
	return "", "", false
}

// VolumeQuery chooses volumes and how to add them up.
type VolumeQuery struct {
	From, To time.Time // hours of acceptance: From is included, To is not; zero means no bound
	Account  string    // "" means all
	By       []Dimension
}

// Volume is how many messages and segments fell into one group. Fields that were not asked for are empty.
type Volume struct {
	Time        *time.Time `db:"hour" json:"time,omitempty"` // the hour or day begins, UTC
	Account     string     `db:"account" json:"account,omitempty"`
	Integration string     `db:"integration" json:"integration,omitempty"`
	Country     string     `db:"country" json:"country,omitempty"`
	Carrier     string     `db:"carrier" json:"carrier,omitempty"`
	Status      Status     `db:"status" json:"status,omitempty"`
	Messages    int64      `db:"messages" json:"messages"`
	Segments    int64      `db:"segments" json:"segments"`
}

// Volumes adds up messages and segments by the dimensions asked for, in their order. Without dimensions it returns the total.
func (q *Reader) Volumes(ctx context.Context, v VolumeQuery) ([]Volume, error) {
	var fields, groups []string
	for _, d := range v.By {
		expr, column, ok := d.expression()
		if !ok {
			return nil, fmt.Errorf("volumes cannot be grouped by %q", d)
		}
		fields, groups = append(fields, expr+" AS "+column), append(groups, expr)
	}
	where, args := conditions{"messages <> 0"}, []any{}
	where.add(&args, v.Account != "", "account = ?", v.Account)
	where.add(&args, !v.From.IsZero(), "hour >= ?", v.From.UTC())
	where.add(&args, !v.To.IsZero(), "hour < ?", v.To.UTC())
	fields = append(fields, "COALESCE(SUM(messages), 0) AS messages", "COALESCE(SUM(segments), 0) AS segments")
	query := "SELECT " + strings.Join(fields, ", ") + " FROM volumes" + where.String()
	if len(groups) > 0 {
		list := strings.Join(groups, ", ")
		query += " GROUP BY " + list + " HAVING SUM(messages) <> 0 ORDER BY " + list
	}
	found := []Volume{}
	if err := q.db.SelectContext(ctx, &found, query, args...); err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	return found, nil
}

// Package csvfile reads CSV files as other systems write them: compressed or not, in
// UTF-8, UTF-16 or Windows-1252, with their own separators, headers, dates and decimal
// marks. What a file leaves open it refuses to guess, and what it cannot read it says by
// line. It knows nothing of what a file is about.
package csvfile

package envelope

import "context"

type erasingKey struct{}

// Erasing is ctx for whoever carries an erasure out: until the keys are gone it reads what
// nobody else can any more, in order to delete it. Nothing that is read so may be kept.
func Erasing(ctx context.Context) context.Context { return context.WithValue(ctx, erasingKey{}, true) }

// IsErasing tells whether ctx is one of Erasing.
func IsErasing(ctx context.Context) bool { return ctx.Value(erasingKey{}) != nil }

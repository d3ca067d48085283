package eventstore

// Pooled tells whether the store has noticed a transaction pooler.
func (p *Postgres) Pooled() bool { return p.pooled.Load() }

-- +goose Up
-- A switch between builds is looked at before it happens, and can be taken back.
alter table pj.build
    add column finding jsonb,                          -- why it is held back: where it differs from the active build
    add column forced  boolean not null default false, -- switch to it without a comparison: a person has decided
    add column revived boolean not null default false; -- it was retired, and is on its way back

-- While this is in the future, a switch is at hand: nobody remembers which build is active.
alter table pj.active add column moving_until timestamptz;

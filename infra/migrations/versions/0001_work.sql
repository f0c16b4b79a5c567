-- Jobs and events carry ids only. The application adds and ends its own school's; the dispatcher, which can read
-- nothing else in the database, leases them for all schools.
alter table work.job enable row level security
--
alter table work.job force row level security
--
alter table work.outbox_event enable row level security
--
alter table work.outbox_event force row level security
--
create policy tenant on work.job to hocba_app using (tenant_id = (select ctx.tenant()))
--
create policy dispatcher on work.job to hocba_dispatcher using (true)
--
create policy tenant on work.outbox_event to hocba_app using (tenant_id = (select ctx.tenant()))
--
create policy dispatcher on work.outbox_event to hocba_dispatcher using (true)
--
grant select, insert, update, delete on work.job to hocba_app, hocba_dispatcher
--
grant insert, select on work.outbox_event to hocba_app
--
grant select, delete, update on work.outbox_event to hocba_dispatcher

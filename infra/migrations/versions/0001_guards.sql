-- What is evidence is written once. The application may add such rows and move their state on; no statement of
-- its role can change or remove what was frozen, consented to, sent, or done.
revoke update, delete on transcript, transcript_version, signing_request, signing_batch, delivery, delivery_attempt from hocba_app
--
grant update (state, pdf_sha256, xml_sha256, signed_sha256, issued_at) on transcript_version to hocba_app
--
grant update (state, current_sha256, completed_at) on signing_request to hocba_app
--
grant update (state, ended_at, problem) on signing_batch to hocba_app
--
-- A refused item goes back to its signer's tray, so items may be removed; what was shown to the signer may not be changed.
revoke update on signing_item from hocba_app
--
grant update (prepared_update, region_start, region_end, signed_attributes, digest, value, signed_sha256) on signing_item to hocba_app
--
grant update (state, authority_reference, errors, reason, answered_at) on delivery to hocba_app
--
grant update (ended_at, outcome, sent_sha256, answer_sha256) on delivery_attempt to hocba_app
--
-- Only the owner of a function may say who calls it, and these were handed to their owner before that was said.
set local role hocba_ctx
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('ctx', 'directory') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
grant execute on function ctx.tenant() to hocba_migrator
--
reset role

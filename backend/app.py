"""The web site: its routes, middleware and error handlers, each in one list."""

import asyncio
from collections.abc import Sequence

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

# The flow declares every task: what a handler asks for may queue one by its name.
import backend.workflow  # noqa: F401
from backend import menu, own_routes
from backend.core import (
    bucket,
    database,
    edge,
    error_answers,
    http_client,
    lookups,
    rate_limit,
    settings,
    templates,
    web,
)
from backend.integrations.connections import pages as connection_pages
from backend.integrations.deliveries import pages as delivery_pages
from backend.integrations.first_day import pages as first_day_pages
from backend.integrations.handbook import pages as handbook_pages
from backend.integrations.imports import pages as import_pages
from backend.integrations.notifications import pages as notification_pages
from backend.integrations.partner_api import pages as partner_pages
from backend.integrations.partner_api.api import document as partner_document
from backend.integrations.partner_api.api import reading as partner_reading
from backend.integrations.partner_api.api import tokens as partner_tokens
from backend.integrations.partner_api.api import writing as partner_writing
from backend.integrations.portal import pages as portal_pages
from backend.integrations.reconciliation import pages as reconciliation_pages
from backend.integrations.reports import pages as official_report_pages
from backend.integrations.stages import pages as stage_pages
from backend.integrations.webhooks import pages as webhook_pages
from backend.records.assessment import pages as assessment_pages
from backend.records.calendar import pages as calendar_pages
from backend.records.classes import pages as class_pages
from backend.records.copies import pages as copy_pages
from backend.records.departments import pages as department_pages
from backend.records.duties import pages as duty_pages
from backend.records.evidence import pages as evidence_pages
from backend.records.freezes import pages as freeze_pages
from backend.records.gradebook import api as gradebook_api
from backend.records.gradebook.pages import classes as sheets_pages
from backend.records.gradebook.pages import exemptions as exemption_pages
from backend.records.gradebook.pages import sheet as sheet_pages
from backend.records.handover import pages as handover_pages
from backend.records.management import pages as management_pages
from backend.records.movements import pages as movement_pages
from backend.records.phrases import pages as phrase_pages
from backend.records.planning import pages as planning_pages
from backend.records.privacy import pages as privacy_pages
from backend.records.publishing import pages as publishing_pages
from backend.records.regulations import pages as regulation_pages
from backend.records.reports import pages as report_pages
from backend.records.review import pages as review_pages
from backend.records.rollover import pages as rollover_pages
from backend.records.roster import pages as roster_pages
from backend.records.season import pages as season_pages
from backend.records.shares import pages as share_pages
from backend.records.signing_order import pages as signing_order_pages
from backend.records.summer import pages as summer_pages
from backend.records.transcripts import life_pages as version_life_pages
from backend.records.transcripts import pages as transcript_pages
from backend.records.transfers import pages as transfer_pages
from backend.records.transparency import pages as transparency_pages
from backend.records.verification import pages as verification_pages
from backend.remote_signing.accounts import pages as signing_account_pages
from backend.remote_signing.archiving import pages as archiving_pages
from backend.remote_signing.credentials import life_pages as credential_life_pages
from backend.remote_signing.credentials import link_pages as credential_link_pages
from backend.remote_signing.credentials import pages as credential_pages
from backend.remote_signing.notices import api as notice_api
from backend.remote_signing.requests import life_pages as signing_life_pages
from backend.remote_signing.requests import pages as signing_pages
from backend.remote_signing.token_helpers import api as token_helper_api
from backend.remote_signing.token_helpers import pages as token_helper_pages
from backend.remote_signing.unattended import pages as unattended_pages
from backend.tenants import guards
from backend.tenants.access import pages as access_pages
from backend.tenants.account import pages as account_pages
from backend.tenants.api_clients import pages as api_client_pages
from backend.tenants.approvals import pages as approval_pages
from backend.tenants.audit_trail import pages as audit_pages
from backend.tenants.delegations import pages as delegation_pages
from backend.tenants.federation import pages as federation_pages
from backend.tenants.openings import pages as opening_pages
from backend.tenants.policies import pages as policy_pages
from backend.tenants.schools import pages as school_pages
from backend.tenants.staffing import pages as staffing_pages
from backend.tenants.workplaces import pages as workplace_pages

#: Largest body of a request, in bytes; a handler that takes files raises its own limit.
MAX_BODY = 1_000_000
#: Everything that answers. A new slice adds its handlers here.
ROUTES: list[ControllerRouterHandler] = [
    own_routes.healthz,
    own_routes.readyz,
    own_routes.csp_report,
    own_routes.favicon,
    own_routes.styleguide,
    own_routes.static_files,
    access_pages.show_sign_in,
    access_pages.sign_in,
    access_pages.sign_in_with_code,
    access_pages.ask_passkey,
    access_pages.sign_in_with_passkey,
    access_pages.show_verify,
    access_pages.verify,
    access_pages.ask_own_passkey,
    access_pages.sign_out,
    account_pages.show_account,
    account_pages.see_news,
    account_pages.show_new_passkey,
    account_pages.ask_new_passkey,
    account_pages.add_passkey,
    account_pages.remove_passkey,
    account_pages.start_app,
    account_pages.show_app,
    account_pages.confirm_app,
    account_pages.remove_app,
    account_pages.make_recovery_codes,
    account_pages.show_password,
    account_pages.change_password,
    account_pages.end_session,
    account_pages.end_other_sessions,
    account_pages.show_resets,
    account_pages.issue_reset,
    account_pages.show_reset,
    account_pages.reset,
    federation_pages.show_provider,
    federation_pages.set_out,
    federation_pages.come_back,
    federation_pages.show_links,
    federation_pages.set_out_to_link,
    federation_pages.show_offer,
    federation_pages.link,
    federation_pages.unlink,
    federation_pages.show_providers,
    federation_pages.show_new_provider,
    federation_pages.add_provider,
    federation_pages.remove_provider,
    staffing_pages.show_staff,
    staffing_pages.show_invitation_form,
    staffing_pages.invite,
    staffing_pages.renew,
    staffing_pages.withdraw,
    staffing_pages.show_person,
    staffing_pages.change,
    staffing_pages.come_back,
    staffing_pages.show_offer,
    staffing_pages.accept,
    management_pages.show_console,
    management_pages.change_seats,
    management_pages.show_invoice,
    management_pages.download_invoices,
    handover_pages.show_handover,
    handover_pages.ask_export,
    handover_pages.download,
    handover_pages.ask_closing,
    handover_pages.cancel_closing,
    approval_pages.show_requests,
    approval_pages.approve,
    approval_pages.refuse,
    approval_pages.withdraw,
    management_pages.show_leaving,
    management_pages.leave,
    audit_pages.show_trail,
    audit_pages.show_event,
    report_pages.show_home,
    official_report_pages.show_report,
    official_report_pages.show_pupils,
    official_report_pages.download_workbook,
    official_report_pages.download_letter,
    season_pages.show_board,
    season_pages.show_class,
    season_pages.nudge,
    report_pages.progress,
    report_pages.show_stopped,
    report_pages.resume,
    notification_pages.show_notices,
    notification_pages.show_bell,
    notification_pages.show_setting,
    notification_pages.change_setting,
    notification_pages.show_mails,
    workplace_pages.show_workplaces,
    workplace_pages.change,
    opening_pages.show_application,
    opening_pages.apply,
    opening_pages.show_received,
    school_pages.show_school,
    school_pages.change_school,
    policy_pages.show_policies,
    policy_pages.change_policies,
    regulation_pages.show_regulations,
    regulation_pages.change_regulations,
    signing_order_pages.show_order,
    signing_order_pages.change_order,
    delegation_pages.show_delegations,
    delegation_pages.delegate,
    delegation_pages.end,
    roster_pages.show_years,
    roster_pages.open_year,
    duty_pages.show_duties,
    duty_pages.show_class_duties,
    duty_pages.change_class_duties,
    duty_pages.show_person_duties,
    duty_pages.hand_over,
    calendar_pages.show_calendar,
    calendar_pages.change_calendar,
    planning_pages.show_grade_plan,
    planning_pages.show_subject_plan,
    planning_pages.change_subject_plan,
    planning_pages.show_electives,
    planning_pages.choose_electives,
    planning_pages.show_languages,
    planning_pages.choose_languages,
    rollover_pages.show_rollover,
    rollover_pages.show_class_moves,
    rollover_pages.choose_classes,
    rollover_pages.apply_rollover,
    rollover_pages.undo_rollover,
    rollover_pages.place_pupil,
    roster_pages.show_classes,
    roster_pages.show_class,
    roster_pages.show_pupils,
    roster_pages.show_new_pupil,
    roster_pages.add_pupil,
    roster_pages.show_pupil,
    roster_pages.show_number,
    roster_pages.show_correction,
    roster_pages.change_pupil,
    roster_pages.match_code,
    class_pages.show_new_class,
    class_pages.open_class,
    class_pages.show_class_form,
    class_pages.rename_class,
    class_pages.close_class,
    movement_pages.show_movements,
    movement_pages.place,
    movement_pages.change_class,
    movement_pages.leave,
    movement_pages.enter_earlier_year,
    movement_pages.withdraw_earlier_year,
    department_pages.show_departments,
    department_pages.open_department,
    department_pages.show_department,
    department_pages.change_department,
    department_pages.end_department,
    sheets_pages.show_sheets,
    sheets_pages.submit_class,
    sheets_pages.check_class,
    sheets_pages.lock_class,
    sheet_pages.show_sheet,
    gradebook_api.show_new_cells,
    gradebook_api.save_cells,
    sheet_pages.submit_sheet,
    sheet_pages.withdraw_sheet,
    sheet_pages.check_sheet,
    sheet_pages.send_back,
    sheet_pages.lock_sheet,
    sheet_pages.show_reopening,
    sheet_pages.reopen_sheet,
    sheet_pages.lock_again,
    publishing_pages.show_publishing,
    publishing_pages.publish,
    publishing_pages.withdraw,
    publishing_pages.show_slip,
    phrase_pages.show_phrases,
    phrase_pages.add_phrase,
    phrase_pages.remove_phrase,
    exemption_pages.show_exemptions,
    exemption_pages.exempt,
    exemption_pages.end_exemption,
    sheets_pages.show_waiting,
    sheets_pages.check_all,
    review_pages.show_review,
    review_pages.show_summary,
    review_pages.answer,
    review_pages.show_waiting,
    review_pages.show_waiting_summary,
    assessment_pages.show_results,
    assessment_pages.show_explanation,
    assessment_pages.confirm_results,
    summer_pages.show_class,
    summer_pages.say,
    summer_pages.decide,
    summer_pages.show_lists,
    transcript_pages.show_transcripts,
    transcript_pages.freeze_class,
    transcript_pages.show_overdue,
    freeze_pages.show_check_list,
    freeze_pages.start,
    freeze_pages.show_run,
    transcript_pages.show_transcript,
    transcript_pages.show_book,
    transcript_pages.compare_versions,
    version_life_pages.show_withdrawal,
    version_life_pages.withdraw,
    version_life_pages.show_recall,
    version_life_pages.ask_recall,
    version_life_pages.show_class_withdrawal,
    version_life_pages.withdraw_class,
    transcript_pages.show_personal_id,
    transcript_pages.download,
    transcript_pages.show_version_trail,
    transcript_pages.show_student_trail,
    transfer_pages.show_desk,
    transfer_pages.draft,
    transfer_pages.download,
    transfer_pages.hand_over,
    transfer_pages.cancel,
    transfer_pages.upload,
    transfer_pages.accept,
    transfer_pages.discard,
    transfer_pages.show_offers,
    transfer_pages.show_offer,
    transfer_pages.accept_offer,
    transfer_pages.add_pupil,
    transfer_pages.refuse_offer,
    transcript_pages.show_schema,
    copy_pages.show_copies,
    copy_pages.issue_copy,
    copy_pages.take_copy,
    copy_pages.show_register,
    evidence_pages.show_evidence,
    evidence_pages.take_evidence,
    credential_pages.show_certificates,
    credential_pages.show_seal,
    credential_link_pages.show_links,
    credential_link_pages.set_out,
    credential_link_pages.come_back,
    credential_link_pages.accept_return,
    credential_link_pages.take_back,
    token_helper_pages.show_helpers,
    token_helper_pages.offer,
    token_helper_pages.ask_pairing,
    token_helper_pages.end,
    token_helper_api.pair,
    token_helper_api.work,
    token_helper_api.hand_in,
    token_helper_api.decline,
    notice_api.take_notice,
    unattended_pages.show_unattended,
    unattended_pages.ask_unattended,
    unattended_pages.stop_unattended,
    credential_pages.show_person,
    credential_pages.find_seal,
    credential_pages.find_person,
    credential_pages.ask_seal,
    credential_pages.ask_seal_from_file,
    credential_pages.enrol_person,
    credential_pages.show_certificate,
    credential_pages.suspend,
    credential_pages.resume,
    credential_pages.ask_revocation,
    credential_pages.withdraw,
    credential_life_pages.show_minutes,
    credential_life_pages.add_record,
    credential_life_pages.try_it,
    credential_life_pages.look_at_it,
    signing_account_pages.show_accounts,
    signing_account_pages.rotate,
    signing_account_pages.propose,
    signing_pages.show_tray,
    signing_pages.show_offer,
    signing_pages.consent,
    signing_pages.show_batch,
    signing_pages.show_questions,
    signing_pages.answer,
    signing_pages.set_out,
    signing_pages.come_back,
    signing_pages.accept_return,
    signing_life_pages.show_file,
    signing_life_pages.show_decline,
    signing_life_pages.decline,
    signing_life_pages.show_declined,
    signing_life_pages.offer_again,
    signing_life_pages.stop_batch,
    archiving_pages.show_history,
    signing_life_pages.show_held,
    signing_life_pages.ask,
    signing_life_pages.give_back,
    import_pages.show_imports,
    import_pages.upload,
    import_pages.show_run,
    import_pages.apply,
    import_pages.undo,
    import_pages.show_forms,
    import_pages.take_form,
    import_pages.take_register,
    import_pages.take_filled,
    import_pages.take_oneroster,
    import_pages.take_copies_register,
    stage_pages.show_stages,
    stage_pages.press_on,
    delivery_pages.show_deliveries,
    delivery_pages.summary,
    delivery_pages.by_class,
    delivery_pages.next_step,
    delivery_pages.count,
    delivery_pages.show_troubles,
    delivery_pages.show_trouble,
    delivery_pages.rehearse_trouble,
    delivery_pages.retry_cause,
    delivery_pages.show_delivery,
    delivery_pages.rehearse,
    delivery_pages.rehearse_there,
    delivery_pages.retry,
    portal_pages.show_desks,
    portal_pages.take_file,
    portal_pages.download,
    portal_pages.bring_receipt,
    portal_pages.take_back,
    portal_pages.bring_letter,
    reconciliation_pages.show_runs,
    reconciliation_pages.next_step,
    reconciliation_pages.show_run,
    reconciliation_pages.ask,
    connection_pages.show_connection,
    connection_pages.bind,
    connection_pages.try_connection,
    privacy_pages.show_requests,
    privacy_pages.record_request,
    privacy_pages.show_register,
    privacy_pages.show_request,
    privacy_pages.acknowledge,
    privacy_pages.extend,
    privacy_pages.close,
    privacy_pages.download_copy,
    api_client_pages.show_clients,
    api_client_pages.add_client,
    api_client_pages.end_client,
    webhook_pages.show_endpoints,
    webhook_pages.add_endpoint,
    webhook_pages.show_endpoint,
    webhook_pages.ping,
    webhook_pages.replay,
    webhook_pages.replay_one,
    webhook_pages.rotate_key,
    webhook_pages.resume,
    webhook_pages.end_endpoint,
    first_day_pages.show_tour,
    first_day_pages.show_at_home,
    first_day_pages.hide,
    handbook_pages.show_contents,
    handbook_pages.show_article,
    partner_pages.show_guide,
    partner_tokens.issue_token,
    partner_reading.list_classes,
    partner_reading.list_students,
    partner_reading.list_transcripts,
    partner_reading.get_transcript,
    partner_reading.download_pdf,
    partner_reading.download_xml,
    partner_reading.list_deliveries,
    partner_reading.list_sheets,
    partner_reading.list_results,
    partner_reading.list_events,
    partner_reading.download_oneroster,
    partner_reading.download_json,
    partner_writing.push_classes,
    partner_writing.push_students,
    partner_writing.push_marks,
    verification_pages.show_form,
    verification_pages.check_code,
    verification_pages.check,
    verification_pages.show_content,
    verification_pages.take_file,
    verification_pages.make_slip,
    verification_pages.show_slip,
    verification_pages.take_log_proof,
    share_pages.show_shares,
    share_pages.make_share,
    share_pages.revoke_share,
    share_pages.answer_request,
    share_pages.show_requests,
    share_pages.show_asking,
    share_pages.ask,
    share_pages.show_answer,
    share_pages.show_link,
    share_pages.open_link,
    share_pages.take_shared_file,
    share_pages.show_family,
    share_pages.end_as_family,
    transparency_pages.show_log,
    transparency_pages.show_checkpoint,
    transparency_pages.show_tile,
    transparency_pages.show_growth,
]


async def prepare() -> None:
    """Before the first request: refuse settings, declared providers and database roles that are not safe."""
    config = settings.get()
    credential_pages.require_providers()
    await database.refuse_unsafe_role()
    if config.environment == "production":
        templates.require_built()
    else:
        await asyncio.to_thread(bucket.ensure)


async def leave() -> None:
    """After the last request: give connections back."""
    await database.engine().dispose()
    await lookups.close()
    await rate_limit.close()
    await http_client.aclose()


def create_app(routes: Sequence[ControllerRouterHandler] = ROUTES) -> Litestar:
    """The site. Raises ValueError when a handler does not say who may call it."""
    app = edge.Site(
        route_handlers=routes,
        exception_handlers=error_answers.handlers,
        dependencies=web.dependencies,
        state=State({"navigation": menu.MENU, "help_address": handbook_pages.address_for}),
        on_startup=[prepare],
        on_shutdown=[leave],
        openapi_config=partner_document.OPENAPI,
        include_in_schema=False,
        logging_config=None,
        request_max_body_size=MAX_BODY,
        debug=False,
    )
    guards.mark(app)
    return app

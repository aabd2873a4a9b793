"""What the stand-in promises to do as real Telegram does, each promise with the tests that hold it.

A promise whose test is gone or renamed fails here, so that the list stays true when the tests move.
"""

import ast
from pathlib import Path

HERE = Path(__file__).parent
PROMISES = {
    "the HTTP status is the error_code; 429 carries retry_after and Retry-After": [
        "test_wire_forms::test_the_status_is_the_error_code_and_a_flood_names_its_seconds",
    ],
    "an unknown method is 404, an unknown parameter 400, both in the log": [
        "test_wire_forms::test_unknown_methods_and_parameters_are_logged_loudly",
        "test_contract_aiogram::test_aiogram_sees_its_own_error_classes",
    ],
    "a wrong token is 401": ["test_wire_forms::test_a_wrong_token_is_unauthorized"],
    "parameters come in the query, urlencoded, as JSON or multipart; nested ones as text or objects": [
        "test_wire_forms::test_parameters_arrive_in_any_form",
        "test_wire_forms::test_method_names_ignore_case",
        "test_wire_forms::test_a_file_comes_as_its_own_part_or_attached_by_name",
        "test_wire_forms::test_a_files_name_is_read_however_a_client_writes_it",
    ],
    "refusals have the words of the real server, the first letter lowered only where it lowers it": [
        "test_error_texts::test_every_refusal_has_the_status_and_the_words_of_the_real_server",
    ],
    "a refused call has no effect": [
        "test_error_texts::test_a_refused_call_leaves_no_trace_in_the_chat",
        "test_trouble::test_a_refused_call_takes_back_what_it_had_begun",
    ],
    "4096 and 1024 characters are counted after parsing, 64 bytes of callback data before": [
        "test_error_texts::test_lengths_are_counted_in_characters_after_parsing",
    ],
    "HTML is parsed as TDLib parses it": [
        "test_tdlib_oracle::test_html_is_parsed_as_tdlib_parses_it",
        "test_entities::test_html_that_cannot_be_parsed_says_where",
    ],
    "commands, links, tags and names become entities by themselves, in both directions": [
        "test_tdlib_oracle::test_links_are_recognised_as_tdlib_recognises_them",
        "test_updates::test_a_command_is_an_entity_at_the_start_of_the_persons_text",
        "test_conversation_with_ptb::test_a_polling_bot_is_started_pressed_edits_and_deletes",
    ],
    "an edit that changes nothing is refused and costs nothing; one without a keyboard removes it": [
        "test_trouble::test_an_unchanged_edit_costs_nothing",
        "test_error_texts::test_an_edit_that_omits_the_keyboard_removes_it",
    ],
    "the bot's own messages are editable for ever": [
        "test_error_texts::test_the_bots_own_messages_are_editable_without_a_time_limit",
    ],
    "messages can be deleted for 48 hours, the person's own too": [
        "test_error_texts::test_messages_can_be_deleted_for_two_days_even_the_persons_own",
    ],
    "a callback query is answered once, within 15 s": [
        "test_error_texts::test_a_query_is_answered_once_and_within_fifteen_seconds",
        "../browser/test_chat_page::test_a_person_starts_writes_and_presses",
    ],
    "a press on a deleted message brings an inaccessible one": [
        "test_conversation_with_ptb::test_a_press_on_a_message_just_deleted_brings_an_inaccessible_one",
        "test_contract_aiogram::test_aiogram_learns_of_a_block_and_of_a_message_that_is_gone",
    ],
    "who blocked the bot, never wrote to it or deleted the account cannot be written to": [
        "test_trouble::test_a_blocked_bot_is_told_so_until_it_is_unblocked",
        "test_conversation_with_ptb::test_a_block_arrives_as_my_chat_member_and_sends_are_forbidden",
        "test_trouble::test_a_deleted_account_cannot_be_written_to_and_says_so_after_a_restart_too",
    ],
    "getUpdates: offset, limit, waiting, pacing, a day's memory, allowed kinds": [
        "test_updates::test_an_offset_confirms_what_is_below_it_and_ids_grow_by_one",
        "test_updates::test_a_negative_offset_keeps_only_the_last_ones",
        "test_updates::test_the_limit_is_drawn_between_one_and_a_hundred",
        "test_updates::test_a_long_poll_waits_for_the_first_update",
        "test_updates::test_the_same_offset_at_once_gets_one_update_and_waits_three_seconds",
        "test_updates::test_updates_are_kept_for_a_day",
        "test_updates::test_only_allowed_kinds_are_queued_and_the_list_is_kept",
    ],
    "a second poller ends the first with 409": [
        "test_updates::test_a_second_poller_ends_the_first_with_a_conflict",
        "test_contract_aiogram::test_a_second_aiogram_poller_ends_the_first",
    ],
    "message ids are one counter for all chats": [
        "test_updates::test_message_ids_are_one_counter_across_the_chats",
    ],
    "webhooks: in order, again until taken, with the secret, excluding getUpdates": [
        "test_webhook::test_updates_come_in_order_with_the_secret_and_those_that_waited_first",
        "test_webhook::test_an_update_that_is_not_taken_comes_again_and_nothing_overtakes_it",
        "test_webhook::test_polling_and_a_webhook_exclude_each_other",
        "test_webhook::test_a_webhook_is_told_of_truly_and_max_connections_is_not_pretended",
    ],
    "about one message a second and chat, 30 a second in all; edits and albums count": [
        "test_trouble::test_a_chat_has_a_burst_and_then_one_message_a_second",
        "test_trouble::test_all_chats_together_have_a_limit_too",
        "test_trouble::test_an_album_counts_each_of_its_messages",
    ],
    "uploads of one size above 100,000 bytes are spaced": [
        "test_trouble::test_uploads_of_one_size_above_100_kb_are_spaced_after_a_burst",
        "test_trouble::test_too_many_uploads_of_one_size_in_line_are_a_flood",
        "test_trouble::test_a_braked_upload_arrives_later_and_whole",
    ],
    "files: 10 MB and the shape of photos, 50 MB up, 20 MB down, again by file_id": [
        "test_error_texts::test_files_are_held_to_their_limits",
        "test_error_texts::test_an_album_is_of_one_kind_and_of_ten_at_most",
        "test_conversation_with_ptb::test_files_go_down_and_up_and_are_sent_again_by_their_id",
    ],
    "commands are trimmed, limited, and by scope and two-letter language": [
        "test_error_texts::test_a_command_is_kept_trimmed_and_without_its_slash",
        "../browser/test_chat_page::test_the_menu_speaks_the_language_of_the_app_and_people_change_places",
    ],
    "faults on demand: 429, 500, cut, held, lost after effect, delivered twice": [
        "test_trouble::test_the_next_calls_of_a_method_are_refused_as_planned",
        "test_trouble::test_a_lost_reply_has_had_its_effect_and_a_reset_has_not",
        "test_trouble::test_a_call_that_times_out_has_no_effect_and_frees_its_place",
        "test_trouble::test_an_update_comes_twice_although_it_was_confirmed",
    ],
    "killed and started again, it goes on where it was": [
        "test_restart::test_a_killed_stand_in_keeps_chats_queue_files_counters_and_keys",
        "test_webhook::test_a_webhook_outlives_its_server",
    ],
    "initData is signed as Telegram signs it": [
        "test_chat_endpoints::test_a_web_app_button_leads_to_an_address_with_signed_init_data",
        "../browser/test_chat_page_apps::test_a_mini_app_opens_in_a_frame_knows_its_person_and_closes",
    ],
    "foreign clients hold a whole conversation with it": [
        "test_contract_aiogram::test_aiogram_holds_a_whole_conversation_by_its_dispatcher",
        "test_contract_telebot::test_telebot_holds_a_whole_conversation_by_polling",
    ],
}


def test_every_promise_has_its_tests():
    missing = []
    for promise, tests in PROMISES.items():
        assert tests, promise
        for each in tests:
            place, _, name = each.partition("::")
            tree = ast.parse((HERE / f"{place}.py").read_text("utf-8"))
            names = {
                node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            if name not in names:
                missing.append(each)
    assert missing == []

"""What README, docs, page and help say of consent, and the test that holds each sentence to it."""

import re

import pytest

from songreel.nodes.person.charcha import consent
from support.paths import ROOT

STORE, ENDS, CONSUMERS = "test_charcha_store.py", "test_consent_ends.py", "test_consumers.py"
LIMITS, ROUTES = "test_charcha_limits.py", "test_charcha_routes.py"
# (file, sentence as it stands there, test file, test)
SENTENCES = [
    (
        "README.md",
        "keeps seven encrypted pictures",
        STORE,
        "test_what_is_kept_comes_back_exactly_and_is_encrypted_and_private",
    ),
    (
        "README.md",
        "The person can delete them with a key at any time",
        LIMITS,
        "test_a_stranger_cannot_starve_the_owner",
    ),
    ("README.md", "after a year they are deleted", ENDS, "test_expiry_ends_work_too_and_deletes_the_pictures"),
    (
        "README.md",
        "training and rendering stop at the next step",
        ENDS,
        "test_training_takes_no_step_after_consent_ended",
    ),
    (
        "docs/person.md",
        "the work stops before its next step, says so in one sentence, and removes what it half made",
        ENDS,
        "test_a_render_takes_no_step_after_consent_ended",
    ),
    (
        "docs/person.md",
        "LoRAs by their digest (renamed copies beside them too)",
        ENDS,
        "test_what_was_finished_before_stays_until_it_is_deleted",
    ),
    ("docs/person.md", "Only files that we wrote go", ENDS, "test_delete_spares_what_we_did_not_write"),
    (
        "docs/person.md",
        "is named on the page and on the command line",
        LIMITS,
        "test_what_could_not_be_removed_reaches_the_page",
    ),
    (
        "docs/person.md",
        "Finished videos in the output folder are left to you and listed",
        ENDS,
        "test_finished_videos_are_listed_and_left",
    ),
    (
        "docs/person.md",
        "every locked LoRA, wherever it was copied",
        ENDS,
        "test_a_locked_lora_opens_in_memory_while_consent_lasts_and_never_after",
    ),
    (
        "docs/person.md",
        "the pictures are deleted when the record is next looked at",
        ENDS,
        "test_expiry_ends_work_too_and_deletes_the_pictures",
    ),
    (
        "docs/person.md",
        "a file that was re-labelled, as a drawn subject's or as another person's, is refused",
        ENDS,
        "test_a_re_labelled_file_does_not_pass",
    ),
    (
        "docs/person.md",
        "A deleted record leaves a tombstone",
        STORE,
        "test_a_deleted_record_put_back_from_a_copy_stays_a_tombstone",
    ),
    (
        "docs/person.md",
        "Every node that uses a person asks again at every run",
        CONSUMERS,
        "test_no_cache_brings_a_record_back",
    ),
    (
        "docs/person.md",
        "Nothing trains on it, renders with it or measures it unless",
        CONSUMERS,
        "test_every_node_in_every_state",
    ),
    (
        "docs/person.md",
        "only after the person has accepted it with the owner's key",
        LIMITS,
        "test_only_the_owner_accepts",
    ),
    ("docs/person.md", "is forgotten after it", STORE, "test_keys_leave_memory_after_their_run"),
    ("docs/person.md", "a proxy or tunnel has marked as forwarded", STORE, "test_a_request_through_a_proxy_is_noticed"),
    (
        "docs/capture.md",
        "A record that the page does not acknowledge is deleted",
        LIMITS,
        "test_a_record_is_kept_once_its_page_has_it",
    ),
    ("docs/capture.md", "the right owner's key is never refused", LIMITS, "test_a_stranger_cannot_starve_the_owner"),
    (
        "web/docs/ApplyIdentityLoRA.md",
        "The changed model asks again at every sampler step",
        ENDS,
        "test_a_model_with_a_likeness_asks_at_every_estimate_in_any_sampler",
    ),
    (
        "web/docs/TrainIdentityLoRA.md",
        "the training stops at the next one and removes what it half made",
        ENDS,
        "test_training_takes_no_step_after_consent_ended",
    ),
    (
        "web/docs/TrainIdentityLoRA.md",
        "a sentence that says why other loaders cannot take it",
        ENDS,
        "test_what_stands_for_a_locked_files_tensors_says_why",
    ),
    (
        "web/docs/CharchaCapture.md",
        "then its pictures are deleted",
        ENDS,
        "test_expiry_ends_work_too_and_deletes_the_pictures",
    ),
    (
        "web/docs/CharchaIdentity.md",
        "ComfyUI's cache never brings a revoked person back",
        CONSUMERS,
        "test_no_cache_brings_a_record_back",
    ),
    (
        "web/docs/LyricsToStoryPrompts.md",
        "Terms against poor and harmful pictures are always added",
        "../base/test_guard.py",
        "test_promised_negative_terms_cannot_be_edited_away",
    ),
]
# The page's own text: title, words of it, test.
TEXT = [
    (
        "What for",
        "count by their face's measurements how often you are in a video",
        CONSUMERS,
        "test_an_older_consent_is_not_compared",
    ),
    (
        "What is kept, and where",
        "Measurements of your face are not kept",
        "test_charcha_session.py",
        "test_a_session_forgets_the_face_when_it_ends",
    ),
    ("How long", "its pictures are deleted", ENDS, "test_expiry_ends_work_too_and_deletes_the_pictures"),
    (
        "How to take it back",
        "what runs stops at its next step",
        ENDS,
        "test_training_takes_no_step_after_consent_ended",
    ),
]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("**", ""))


def has_test(file: str, name: str) -> bool:
    return f"def {name}(" in (ROOT / "tests" / "person" / file).read_text("utf-8")


@pytest.mark.parametrize(("file", "sentence", "tests", "test"), SENTENCES)
def test_a_sentence_is_there_and_has_its_test(file, sentence, tests, test):
    assert sentence.lower() in plain((ROOT / file).read_text("utf-8")).lower(), sentence
    assert has_test(tests, test), test


@pytest.mark.parametrize(("title", "sentence", "tests", "test"), TEXT)
def test_a_sentence_of_the_consent_is_there_and_has_its_test(title, sentence, tests, test):
    assert sentence in plain(dict(consent.TEXT)[title])
    assert has_test(tests, test), test


def test_the_documentation_shows_the_version_of_today():
    assert f"(version {consent.VERSION}," in (ROOT / "docs" / "person.md").read_text("utf-8")
    assert consent.VERSION in consent.COMPARES

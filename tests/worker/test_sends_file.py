"""Files of sends: both forms, and every bad row named before anything is imported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from worker.errors import InputError
from worker.sending.sends_file import read_sends

GOOD = (
    '{"campaign": "spring", "to": "Anna@Client.example", "message_ids": ["<1@us>", "2@us"],'
    ' "subject": "Hi", "sent_at": "2026-05-04T11:00:00+02:00", "token": "x7f"}\n'
)


def test_json_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(GOOD + "\n")
    (send,) = read_sends(path, {})
    assert (send.to, send.message_ids, send.send_id, send.token) == (
        "anna@client.example",
        ("1@us", "2@us"),
        "1@us anna@client.example",
        "x7f",
    )
    assert send.sent_at == datetime(2026, 5, 4, 9, tzinfo=UTC)


def test_csv_is_read_with_ids_separated_by_spaces(tmp_path: Path) -> None:
    path = tmp_path / "sends.csv"
    path.write_text(
        "\ufeffcampaign,to,message_ids,sent_at,mailbox\n"
        "spring,anna@client.example,<1@us> <2@us>,2026-05-04T09:00:00Z,box\n",
        encoding="utf-8",
    )
    (send,) = read_sends(path, {"box": 7})
    assert (send.message_ids, send.mailbox_id) == (("1@us", "2@us"), 7)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("nonsense", "no JSON"),
        ("[]", "no JSON object"),
        (GOOD.replace("Anna@Client.example", "anna"), "to is no address"),
        (GOOD.replace('"campaign": "spring", ', ""), "campaign is missing"),
        (GOOD.replace("+02:00", ""), "no time zone"),
        (GOOD.replace("2026-05-04T11:00:00+02:00", "yesterday"), "no ISO 8601 time"),
        (GOOD.replace('["<1@us>", "2@us"]', "[]"), "message_ids is missing"),
        (GOOD.replace('"token"', '"tokn"'), "unknown field 'tokn'"),
        (GOOD.replace('"token": "x7f"', '"mailbox": "box"'), "no mailbox 'box'"),
        (GOOD.replace('"spring"', '"' + "s" * 201 + '"'), "campaign is longer than 200"),
        (GOOD.replace("2@us", "2" * 999), "a Message-ID is longer than 998"),
        (GOOD.replace("x7f", "x\\u0000"), "token holds a character that no database can keep"),
        (GOOD.replace("2@us", "2\\ud800@us"), "message_ids holds a character that no database can keep"),
        (GOOD.replace("2026-05-04T11:00:00+02:00", "0001-01-01T00:00:00+02:00"), "before or after all time"),
        pytest.param("[" * 100_000, "no JSON: ", id="nested too deeply"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_read(tmp_path: Path, row: str, problem: str) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(GOOD + row.strip() + "\n")
    with pytest.raises(InputError) as error:
        read_sends(path, {})
    assert f"{path}, row 2: " in str(error.value)
    assert problem in str(error.value)
    assert "Nothing was imported" in str(error.value)


def test_a_column_without_a_name_is_named_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "sends.csv"
    path.write_text("campaign,to,message_ids,sent_at,\nspring,anna@client.example,1@us,2026-05-04T09:00:00Z,box\n")
    with pytest.raises(InputError, match="row 2: unknown field ''; known are"):
        read_sends(path, {})


def test_a_table_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "sends.csv"
    path.write_text('campaign,to\n"' + "x" * 200_000 + '"\n')
    with pytest.raises(InputError, match="cannot be read"):
        read_sends(path, {})


def test_of_many_bad_rows_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    for bad, more in ((20, ""), (23, "... and 3 more")):
        path.write_text("nonsense\n" * bad)
        with pytest.raises(InputError) as error:
            read_sends(path, {})
        lines = str(error.value).splitlines()
        assert [line for line in lines if line.startswith("...")] == ([more] if more else [])
        assert sum(": no JSON" in line for line in lines) == 20


def test_one_mail_to_two_people_is_two_sends(tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(GOOD + GOOD.replace("Anna@", "Ben@"))
    assert len({send.send_id for send in read_sends(path, {})}) == 2


def test_a_send_id_for_two_people_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    named = GOOD.replace('"token"', '"send_id": "s1", "token"')
    path.write_text(named + named.replace("Anna@", "Ben@"))
    with pytest.raises(InputError, match=r"row 2: send_id 's1' stands for a mail to anna@client.example already"):
        read_sends(path, {})


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_sends(tmp_path / "none.jsonl", {})


def test_the_campaigns_of_learnt_sends_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "sends.jsonl"
    path.write_text(GOOD.replace("spring", "learnt:mila@outreach.example"))
    with pytest.raises(InputError, match="campaign begins with 'learnt:'"):
        read_sends(path, {})

"""The claims record: built from results alone, the same in the README, and its verdicts follow the stated rules."""

from pathlib import Path

import pytest

from gancourse.course import claims
from gancourse.course.studies.runner import StudyError

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_without_results_every_claim_says_so_and_no_number_stands_there(monkeypatch):
    def none(study):
        raise StudyError("none")

    monkeypatch.setattr(claims, "results", none)
    monkeypatch.setattr(claims.pretrained, "names", list)
    assert {(row["measured"], row["verdict"]) for row in claims.table()} == {("", claims.OPEN)}


def test_every_paper_is_there_and_every_row_is_complete():
    rows = claims.table()
    assert {p for row in rows for p in row["paper"].split(", ")} == {"P1", "P2", "P3", "P4"}
    assert all(row["rule"] and row["claim"] and (row["measured"] or row["verdict"] == claims.OPEN) for row in rows)
    assert all(
        row["verdict"] in (claims.HOLDS, claims.FAILS, claims.PARTLY, claims.OPEN, claims.UNDECIDED) for row in rows
    )
    assert "|" not in "".join(text for row in rows for text in row.values())


def verdicts(monkeypatch, **studies):
    monkeypatch.setattr(claims, "results", lambda name: {"rows": studies[name]})


@pytest.mark.parametrize(
    ("without", "verdict"),
    [([30, 40, 50], claims.HOLDS), ([9, 12, 30], claims.PARTLY), ([1, 1.5, 2], claims.FAILS)],
)
def test_a_part_is_needed_when_leaving_it_out_costs_more_than_both_spreads(monkeypatch, without, verdict):
    rows = [{"variant": "with", "classifier_fid": v} for v in (10, 11, 12)]
    rows += [{"variant": "without", "classifier_fid": v} for v in without]
    verdicts(monkeypatch, guidelines=[*rows, {"variant": "without", "diverged": "at step 3"}])
    measured, found = claims._without("guidelines", "variant", "with", "without")()
    assert found == verdict and measured.startswith("distance 11 ± 1 (3 seeds) with it")


def test_p1s_claims_about_5_and_50_epochs_follow_their_rules(monkeypatch):
    def row(name, epoch, fid, background, confident=0.5):
        return dict(
            name=name,
            epoch=epoch,
            classifier_fid=fid,
            background_variation=background,
            confident=confident,
            edge_sharpness=0.5,
        )

    real = row("real digits", 0, 0.2, 0.3)
    rows = [real, row("mlp-mnist", 5, 70, 18), row("mlp-mnist", 50, 20, 3), row("dcgan-mnist", 5, 9, 0.4, 0.6)]
    verdicts(monkeypatch, gan_vs_dcgan=rows)
    assert claims._mlp_at_50()[1] == claims.HOLDS and claims._dcgan_at_5()[1] == claims.HOLDS
    assert claims._versus("background_variation", "b", more=False)()[1] == claims.HOLDS
    assert claims._versus("edge_sharpness", "e", more=True)()[1] == claims.FAILS
    rows[2].update(classifier_fid=40, confident=0.9)
    assert claims._mlp_at_50()[1] == claims.PARTLY and claims._dcgan_at_5()[1] == claims.PARTLY
    rows[2].update(background_variation=0.3)
    assert claims._mlp_at_50()[1] == claims.FAILS
    del rows[2]
    with pytest.raises(LookupError):
        claims._mlp_at_50()


def p2_rows(model, answers):
    history = [{"d_fake_before": 0.3}] * 9
    return [{"model": model, "epochs": 10, "history": [*history, {"d_fake_before": d}]} for d in answers]


@pytest.mark.parametrize(
    ("printed", "control", "verdict"),
    [
        ([0.01, 0.02, 0.0], [0.14, 0.2, 0.1], claims.HOLDS),
        ([0.01, 0.02, 0.3], [0.14, 0.2, 0.1], claims.PARTLY),
        ([0.01, 0.02, 0.0], [0.14, 0.01, 0.1], claims.PARTLY),
        ([0.2, 0.3, 0.1], [0.14, 0.2, 0.1], claims.FAILS),
        ([0.01], [0.14, 0.2, 0.1], claims.UNDECIDED),
    ],
)
def test_p2s_balance_is_judged_on_every_seed_and_against_p1s_networks(monkeypatch, printed, control, verdict):
    verdicts(monkeypatch, schulz_long=p2_rows("schulz", printed), schulz_fix=p2_rows("mlp", control))
    found, judged = claims._balance()
    assert judged == verdict and f"of {len(printed)} seeds" in found


@pytest.mark.parametrize(
    ("shuffled", "verdict"),
    [([200, 210, 220], claims.FAILS), ([60, 62, 64], claims.HOLDS), ([40, 60, 100], claims.UNDECIDED)],
)
def test_few_spatial_dependencies_means_that_shuffling_costs_a_convolution_nothing(monkeypatch, shuffled, verdict):
    rows = [
        {"name": name, "permuted": permuted, "classifier_fid": value}
        for name in ("DCGAN", "MLP, ten times as long")
        for permuted, values in ((False, (58, 60, 62)), (True, shuffled))
        for value in values
    ]
    verdicts(monkeypatch, permuted=rows)
    assert claims._few_spatial_dependencies()[1] == verdict


def test_a_spread_around_the_limit_leaves_p2s_claim_about_50_epochs_open(monkeypatch):
    long = [{"model": "schulz", "kl": 0.1, "fid": fid, "epochs": 50} for fid in (0.2, 0.4, 0.6)]
    verdicts(monkeypatch, schulz_long=long, gan_vs_dcgan=[{"name": "real digits", "classifier_fid": 0.2}])
    assert claims._indistinguishable()[1] == claims.UNDECIDED


@pytest.mark.parametrize(("fid", "verdict"), [(0.4, claims.HOLDS), (0.41, claims.FAILS), (250.0, claims.FAILS)])
def test_p2s_claim_about_50_epochs_is_judged_on_a_run_of_50(monkeypatch, fid, verdict):
    long = {"model": "schulz", "kl": 2.3, "fid": fid, "epochs": 50}
    verdicts(monkeypatch, schulz_long=[long], gan_vs_dcgan=[{"name": "real digits", "classifier_fid": 0.2}])
    found, judged = claims._indistinguishable()
    assert judged == verdict and "after 50 epochs" in found


@pytest.mark.parametrize(
    ("kinds", "verdict"), [(0.95, claims.HOLDS), (0.9, claims.HOLDS), (0.7, claims.OPEN), (0.1, claims.OPEN)]
)
def test_mode_collapse_on_churches_is_a_share_of_what_renders_show(monkeypatch, kinds, verdict):
    scores = {"kinds": kinds, "kinds_real": 1.0, "samples": 1000}
    monkeypatch.setattr(claims.pretrained, "card", lambda name: {"files": {"9": {}, "10": {"scores": scores}}})
    monkeypatch.setattr(claims.pretrained, "names", lambda: ["church-procedural"])
    measured, found = claims._church_kinds()
    assert found == verdict and measured.startswith(f"after 10 epochs {kinds:.0%}") and "remedies" not in measured
    monkeypatch.setattr(claims.pretrained, "names", lambda: ["church-procedural", "church-best"])
    assert f"with lesson 04's remedies, after 10 epochs, {kinds:.0%}" in claims._church_kinds()[0]
    assert claims._church_kinds()[1] == verdict


@pytest.mark.parametrize(
    ("with_it", "verdict"), [(10.0, claims.HOLDS), (19.5, claims.PARTLY), (20.5, claims.PARTLY), (30.0, claims.FAILS)]
)
def test_p4s_contradictions_are_decided_over_seeds_and_say_how_short_the_runs_were(monkeypatch, with_it, verdict):
    rows = [
        {"reading": name, "seed": seed, "distance": middle + seed - 1, "epochs": 3, "images": 8000}
        for name, middle in (("a", with_it), ("b", 20.0))
        for seed in (0, 1, 2)
    ]
    verdicts(monkeypatch, church_contradictions=rows)
    found, judged = claims._church_reading("a", "b")()
    assert judged == verdict
    assert (
        found.startswith(f"distance {with_it:.3g} ± 1 (3 seeds) with it")
        and "3 epochs of 8,000 images" in found
        and "100 were" in found
    )

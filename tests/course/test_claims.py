"""The claims record: built from results alone, and its verdicts follow the stated rules."""

import operator
from typing import Any

import pytest

from gancourse.course import claims
from gancourse.course import verdicts as verdicts_of
from gancourse.course.studies.runner import StudyError

VERDICTS = (claims.HOLDS, claims.FAILS, claims.PARTLY, claims.UNDECIDED, claims.OPEN)


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
    assert all(row["verdict"] in VERDICTS for row in rows)
    assert "|" not in "".join(text for row in rows for text in row.values())


def verdicts(monkeypatch, **studies):
    monkeypatch.setattr(claims, "results", lambda name: {"rows": studies[name]})


@pytest.mark.parametrize(
    ("without", "verdict"),
    [([30, 40, 50], claims.HOLDS), ([9, 12, 30], claims.UNDECIDED), ([1, 1.5, 2], claims.FAILS)],
)
def test_a_part_is_needed_when_leaving_it_out_costs_more_than_both_spreads(monkeypatch, without, verdict):
    rows = [{"variant": "with", "classifier_fid": v} for v in (10, 11, 12)]
    rows += [{"variant": "without", "classifier_fid": v} for v in without]
    verdicts(monkeypatch, guidelines=[*rows, {"variant": "without", "diverged": "at step 3"}])
    measured, found = claims._without("guidelines", "variant", "with", "without")()
    assert found == verdict and measured.startswith("distance 11 ± 1 (3 seeds) with it")


@pytest.mark.parametrize(
    ("smaller", "larger", "verdict"),
    [
        ([1.0, 2.0], [5.0, 6.0], claims.HOLDS),
        ([5.0, 6.0], [1.0, 2.0], claims.FAILS),
        ([1.0, 3.0], [2.0, 4.0], claims.UNDECIDED),  # a gap of 1 against spreads of 1.4 and 1.4
        ([1.0], [100.0, 101.0], claims.UNDECIDED),  # one run: nothing says where the next would fall
        ([1.0, 2.0], [100.0], claims.UNDECIDED),
        ([1.0, 1.0], [1.0, 1.0], claims.UNDECIDED),
    ],
)
def test_a_difference_that_the_spread_swallows_is_not_decided(smaller, larger, verdict):
    assert claims.decide(smaller, larger) == verdict


def test_a_claim_of_parts_holds_in_part_only_where_a_part_holds():
    holds, fails, undecided = claims.HOLDS, claims.FAILS, claims.UNDECIDED
    for parts, verdict in (
        ([holds, holds], holds),
        ([holds, undecided], claims.PARTLY),
        ([holds, fails], claims.PARTLY),
        ([fails, fails], fails),
        ([fails, undecided], undecided),
    ):
        assert claims.together(parts) == verdict


def test_stability_needs_an_f_test():
    stats = pytest.importorskip("scipy.stats")
    for f, n, m in ((5.2, 3, 3), (1.7, 2, 4), (0.3, 4, 2), (9.28, 3, 3)):
        assert verdicts_of.f_tail(f, n, m) == pytest.approx(stats.f.sf(f, n, m), abs=1e-4)
    # the old verdict: three seeds, and an MLP that has learned nothing
    old = claims.steadier([63.3, 57.8, 54.8], [467.4, 516.0, 416.0])
    assert old[0] == claims.UNDECIDED and old[2] > 0.3
    assert claims.steadier([10.0, 10.1, 10.2, 9.9], [10.0, 30.0, 5.0, 90.0])[0] == claims.HOLDS
    assert claims.steadier([10.0, 30.0, 5.0, 90.0], [10.0, 10.1, 10.2, 9.9])[0] == claims.FAILS
    assert claims.steadier([10.0], [10.0, 20.0])[0] == claims.UNDECIDED


@pytest.mark.parametrize(
    ("smaller", "larger", "verdict"),
    [
        ([10.0, 20.0, 30.0], [15.0, 24.0, 36.0], claims.HOLDS),  # each seed by about as much, whatever the seed is
        ([15.0, 24.0, 36.0], [10.0, 20.0, 30.0], claims.FAILS),
        ([166.0, 80.0, 133.0], [47.0, 48.0, 49.0], claims.UNDECIDED),  # far off in each seed, and by how much varies
        ([10.0], [20.0], claims.UNDECIDED),
        ([10.0, 11.0], [20.0, 21.0], claims.HOLDS),
    ],
)
def test_seed_by_seed_is_a_paired_t_test(smaller, larger, verdict):
    stats = pytest.importorskip("scipy.stats")
    found, mean, error = verdicts_of.seed_by_seed(smaller, larger)
    assert found == verdict
    if len(smaller) > 1 and error:
        test = stats.ttest_rel(larger, smaller)
        assert mean / error == pytest.approx(test.statistic) and (test.pvalue < 0.05) == (found != claims.UNDECIDED)


def test_what_the_front_page_says_of_the_rates_is_so():
    """That the larger distance is in every seed, beyond both spreads, and not decided seed by seed."""
    by_seed = operator.itemgetter("seed")
    near, far = (
        [row["distance"] for row in sorted(claims._rows("church_contradictions", reading=name), key=by_seed)]
        for name in ("practice-0.002", "as-printed-0.002")
    )
    assert all(a < b for a, b in zip(near, far, strict=True)) and claims.decide(near, far) == claims.HOLDS
    assert verdicts_of.seed_by_seed(near, far)[0] == claims.UNDECIDED


def seeds(model, **at):
    """Rows of `p1_seeds`, one a seed: at["e50"] = {column: [a value for each seed]}."""
    count = len(next(iter(next(iter(at.values())).values())))
    return [
        {"model": model, "at": {e[1:]: {c: values[i] for c, values in columns.items()} for e, columns in at.items()}}
        for i in range(count)
    ]


def long(name, epoch, value):
    columns = ("classifier_fid", "background_variation", "edge_sharpness")
    return {"name": name, "epoch": epoch, "minutes": 1.0} | dict.fromkeys(columns, value)


def test_p1s_claims_are_decided_at_equal_epochs_over_seeds(monkeypatch):
    mlp5 = {"classifier_fid": [80.0, 84.0], "background_variation": [18.0, 19.0]}
    mlp50 = {
        "classifier_fid": [17.0, 19.0],
        "background_variation": [4.0, 5.0],
        "confident": [0.54, 0.56],
        "edge_sharpness": [0.57, 0.58],
    }
    mlp100 = {"classifier_fid": [11.0, 13.0]}
    dcgan5 = {"classifier_fid": [8.0, 9.0], "confident": [0.60, 0.61]}
    dcgan50 = {"classifier_fid": [2.0, 3.0], "background_variation": [0.3, 0.4], "edge_sharpness": [0.60, 0.60]}
    rows = seeds("mlp", e5=mlp5, e50=mlp50, e100=mlp100) + seeds("dcgan", e5=dcgan5, e50=dcgan50)
    names = (("mlp-mnist", 100), ("mlp-mnist", 200), ("dcgan-mnist", 5), ("dcgan-mnist", 100))
    shipped = [long("real digits", 0, 0.3), *(long(name, epoch, epoch / 100) for name, epoch in names)]
    verdicts(monkeypatch, p1_seeds=rows, gan_vs_dcgan=shipped)
    sharper = claims._versus("edge_sharpness", "edge", more=True)
    noise = claims._versus("background_variation", "noise", more=False, p3=True)
    assert claims._mlp_at_50()[1] == claims._dcgan_at_5()[1] == noise()[1] == sharper()[1] == claims.HOLDS
    assert claims._mlp_suits_mnist()[1] == claims.FAILS
    assert "50 epochs of both" in noise()[0] and "P3's 200 and 100, 1 seed each, so not decided: 2 and 1" in noise()[0]
    assert "P3" not in sharper()[0]  # P3 never says so
    dcgan50["edge_sharpness"], dcgan5["confident"] = [0.57, 0.585], [0.53, 0.56]
    mlp50["background_variation"] = [0.3, 0.6]
    rows[:] = seeds("mlp", e5=mlp5, e50=mlp50, e100=mlp100) + seeds("dcgan", e5=dcgan5, e50=dcgan50)
    assert sharper()[1] == claims.UNDECIDED and claims._dcgan_at_5()[1] == claims._mlp_at_50()[1] == claims.PARTLY
    rows[:] = [row for row in rows if row["model"] == "dcgan"]
    with pytest.raises(LookupError):
        claims._mlp_at_50()


def test_the_committed_seeds_bear_out_what_lesson_03_says():
    """The sentences of sections 3.10 and 3.15 that no cell could hold."""
    assert claims.decide(*[claims._seeds(m, 50, "classifier_fid") for m in ("dcgan", "mlp")]) == claims.HOLDS
    assert claims._stability()[1] == claims.UNDECIDED
    assert claims._mlp_suits_mnist()[0].endswith("is not decided")
    real = claims._real()["edge_sharpness"]
    assert abs(sum(claims._seeds("dcgan", 50, "edge_sharpness")) / 4 - real) < 0.005


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


@pytest.mark.parametrize(("fid", "verdict"), [(0.4, claims.HOLDS), (0.41, claims.FAILS), (250.0, claims.FAILS)])
def test_p2s_claim_about_50_epochs_is_judged_on_a_run_of_50(monkeypatch, fid, verdict):
    long = {"model": "schulz", "kl": 2.3, "fid": fid, "epochs": 50}
    verdicts(monkeypatch, schulz_long=[long], gan_vs_dcgan=[{"name": "real digits", "classifier_fid": 0.2}])
    found, judged = claims._indistinguishable()
    assert "after 50 epochs" in found and "(1 seed)" in found
    assert judged == (claims.UNDECIDED if verdict == claims.HOLDS else verdict)  # one run refutes, and does not confirm
    verdicts(monkeypatch, schulz_long=[long, long], gan_vs_dcgan=[{"name": "real digits", "classifier_fid": 0.2}])
    assert claims._indistinguishable()[1] == verdict


@pytest.mark.parametrize(
    ("kinds", "verdict"), [(0.95, claims.HOLDS), (0.9, claims.HOLDS), (0.7, claims.OPEN), (0.1, claims.OPEN)]
)
def test_mode_collapse_on_churches_is_a_share_of_what_renders_show(monkeypatch, kinds, verdict):
    scores = {"kinds": kinds, "kinds_real": 1.0, "samples": 1000}
    monkeypatch.setattr(claims.pretrained, "card", lambda name: {"files": {"9": {}, "10": {"scores": scores}}})
    monkeypatch.setattr(claims.pretrained, "names", lambda: ["church-procedural"])
    measured, found = claims._church_kinds()
    assert found == verdict and measured.startswith(f"after 10 epochs {kinds:.0%}") and "remedies" not in measured
    monkeypatch.setattr(claims.pretrained, "names", lambda: ["church-procedural", "church-remedies"])
    assert f"with lesson 04's remedies, after 10 epochs, {kinds:.0%}" in claims._church_kinds()[0]
    assert claims._church_kinds()[1] == verdict


@pytest.mark.parametrize(
    ("with_it", "verdict"),
    [(10.0, claims.HOLDS), (19.5, claims.UNDECIDED), (20.5, claims.UNDECIDED), (30.0, claims.FAILS)],
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


@pytest.mark.parametrize(
    ("maps", "stones", "verdict"),
    [
        ([0.8, 0.81], [0.9, 0.95], claims.HOLDS),
        ([0.8, 0.81], [0.3, 0.4], claims.PARTLY),
        ([0.5, 0.6], [0.3, 0.4], claims.FAILS),
        ([0.5, 0.8], [0.3, 0.95], claims.UNDECIDED),
    ],
)
def test_pix2pix_is_judged_by_its_map_and_by_the_stone_that_was_ordered(monkeypatch, maps, stones, verdict):
    rows = [{"arm": "ceiling", "code": False, "ceiling": {"iou": 0.85, "stone": 0.95}}]
    rows += [{"arm": "l1-cgan", "code": False, "dropout": {"iou": v, "stone": 0.1}} for v in maps]
    rows += [{"arm": "l1-cgan", "code": True, "dropout": {"iou": 0.1, "stone": v}} for v in stones]
    rows += [{"arm": "l1", "code": True, "dropout": {"iou": 0.1, "stone": 0.1}}]
    verdicts(monkeypatch, pix2pix=rows)
    assert claims._supervised()[1] == verdict


def translated(psnr, windows, kept):
    """Rows of the study of lesson 09: CycleGAN's two seeds, and floors of 18 dB, 30 levels; the truth keeps all."""
    rows: list[dict[str, Any]] = []
    for task in ("dusk", "snow"):
        floor = {way: {"psnr": 18.0, "windows": 30.0, "plan": 0.9, "stone": 0.9} for way in ("ab", "ba")}
        rows.append({"arm": "floors", "task": task, "floors": dict.fromkeys((*claims.FLOORS, "the truth"), floor)})
        for seed in (0, 1):
            both = {"psnr": psnr[seed], "windows": windows[seed], "plan": kept[seed], "stone": kept[seed]}
            rows.append({"arm": "cyclegan-long", "task": task, "seed": seed, "ab": both, "ba": both})
        rows.append({"arm": "cyclegan", "task": task, "ab": {"psnr": 1.0}, "ba": {"psnr": 1.0}})
    return rows


@pytest.mark.parametrize(
    ("psnr", "windows", "verdict"),
    [
        ([20, 21], [20, 25], claims.HOLDS),
        ([20, 21], [40, 41], claims.PARTLY),  # a transfer of colours would do
        ([20, 17], [40, 29], claims.UNDECIDED),
        ([10, 11], [40, 41], claims.FAILS),
    ],
)
def test_cyclegan_has_learned_when_every_seed_beats_what_needs_no_training(monkeypatch, psnr, windows, verdict):
    verdicts(monkeypatch, cyclegan=translated(psnr, windows, [0.9, 0.9]))
    assert claims._without_pairs()[1] == verdict


@pytest.mark.parametrize(
    ("kept", "verdict"),
    [([0.9, 0.86], claims.HOLDS), ([0.9, 0.84], claims.UNDECIDED), ([0.84, 0.8], claims.FAILS)],
)
def test_unchanged_is_read_as_in_the_true_pictures(monkeypatch, kept, verdict):
    verdicts(monkeypatch, cyclegan=translated([20, 21], [20, 25], kept))
    assert claims._unchanged()[1] == verdict


def test_a_single_long_run_decides_nothing(monkeypatch):
    rows = [row for row in translated([20, 21], [20, 25], [0.9, 0.9]) if row.get("seed") != 1]
    verdicts(monkeypatch, cyclegan=rows)
    assert claims._without_pairs()[1] == claims._unchanged()[1] == claims.UNDECIDED


def enlarged(srgan, detail, before=(0.2, 0.3)):
    """Rows of the study of lesson 10: textures and detail of SRGAN's seeds, of their SRResNets, and bicubic at .25."""
    bicubic = {"arm": "ends", "times": 4, "bicubic": {"texture": 0.25}}
    other = {"arm": "srgan", "times": 8, "seed": 0, "texture": 9.0, "detail": 9.0}  # is not asked
    found = [bicubic, other]
    for seed, (texture, share) in enumerate(zip(srgan, detail, strict=True)):
        found.append({"arm": "srgan", "times": 4, "seed": seed, "texture": texture, "detail": share})
    for seed, texture in enumerate(before):
        found.insert(0, {"arm": "srresnet", "times": 4, "seed": seed, "texture": texture, "detail": 0.5})
    return found


@pytest.mark.parametrize(
    ("textures", "detail", "verdict"),
    [
        ([0.1, 0.2], [0.9, 1.1], claims.HOLDS),
        ([0.1, 0.2], [1.5, 1.6], claims.PARTLY),  # overdone
        ([0.1, 0.2], [0.6, 0.7], claims.PARTLY),  # blurred
        ([0.1, 0.28], [1.5, 1.6], claims.UNDECIDED),  # nearer than its own SRResNet, and further than bicubic
        ([0.21, 0.31], [1.5, 1.6], claims.FAILS),
        ([0.1], [1.0], claims.UNDECIDED),
    ],
)
def test_textures_are_realistic_when_every_seed_beats_its_own_start_and_bicubic(monkeypatch, textures, detail, verdict):
    verdicts(monkeypatch, srgan=enlarged(textures, detail))
    assert claims._realistic_textures()[1] == verdict


def styled(arm, seed, mixing=None, planes=None, edits=None, **more):
    """A row of lesson 11's study. mixing: group -> factor -> (donor, chance); planes: latent -> accuracy beyond .5;
    edits: latent -> name -> (done, kept)."""
    row = {"arm": arm, "seed": seed} | more
    row["mixing"] = {
        group: {factor: [100, donor, 1 - donor, 0.0, chance] for factor, (donor, chance) in of.items()}
        for group, of in (mixing or {}).items()
    }
    row["planes"] = {
        space: {"time": {"accuracy": 0.5 + beyond, "chance": 0.5}} for space, beyond in (planes or {}).items()
    }
    row["edits"] = {
        space: {name: [{"done": done, "kept": kept}] for name, (done, kept) in of.items()}
        for space, of in (edits or {}).items()
    }
    return row


HELD, NOT, CHANCE = {"time": (0.6, 0.1)}, {"time": (0.2, 0.1)}, {"time": (0.6, 0.5)}
OTHER = {"time": (0.1, 0.1), "sun": (0.7, 0.5)}  # .4 of the way from .5 to 1


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ([(HELD, NOT, OTHER)] * 2, claims.HOLDS),
        ([(HELD, HELD, HELD)] * 2, claims.FAILS),  # one factor alone, everywhere
        ([(HELD, NOT, NOT)] * 2, claims.FAILS),
        ([(HELD, CHANCE, CHANCE)] * 2, claims.FAILS),
        ([(HELD, OTHER, NOT), (HELD, NOT, NOT)], claims.UNDECIDED),
        ([(HELD, OTHER, NOT)], claims.UNDECIDED),
    ],
)
def test_control_is_fine_grained_when_two_levels_hold_factors_of_their_own_in_every_seed(monkeypatch, levels, verdict):
    rows = [styled("stylegan", seed, dict(zip(claims.LEVELS, of, strict=True))) for seed, of in enumerate(levels)]
    verdicts(monkeypatch, stylegan=[*rows, styled("adain", 0, dict.fromkeys(claims.LEVELS, HELD))])
    assert claims._fine_grained()[1] == verdict


@pytest.mark.parametrize(
    ("z", "untrained", "w", "verdict"),
    [
        ([0.1, 0.1], [0.0, 0.0], [0.2, 0.3], claims.HOLDS),
        ([0.3, 0.4], [0.0, 0.0], [0.2, 0.3], claims.PARTLY),
        ([0.3, 0.4], [0.3, 0.4], [0.2, 0.3], claims.FAILS),
        ([0.1, 0.4], [0.3, 0.1], [0.2, 0.3], claims.UNDECIDED),
        ([0.1], [0.0], [0.2], claims.UNDECIDED),
        ([0.19, 0.29], [0.0, 0.0], [0.2, 0.3], claims.PARTLY),  # by too little
    ],
)
def test_the_latent_space_is_separated_when_w_is_read_better_than_both_others(monkeypatch, z, untrained, w, verdict):
    rows = [
        styled("stylegan", seed, planes={"z": a, "untrained": b, "w": c})
        for seed, (a, b, c) in enumerate(zip(z, untrained, w, strict=True))
    ]
    verdicts(monkeypatch, stylegan=rows)
    assert claims._separated()[1] == verdict


@pytest.mark.parametrize(
    ("own", "dcgan", "w", "verdict"),
    [
        ((0.2, 0.3), (0.1, 0.2), (0.7, 0.8), claims.HOLDS),
        ((0.9, 0.9), (0.1, 0.2), (0.7, 0.8), claims.PARTLY),
        ((0.9, 0.9), (0.9, 0.9), (0.5, 0.6), claims.FAILS),
        ((0.4, 0.8), (0.4, 0.8), (0.5, 0.8), claims.UNDECIDED),
    ],
)
def test_attributes_are_steered_when_edits_in_w_beat_those_in_both_z(monkeypatch, own, dcgan, w, verdict):
    rows = []
    for seed in range(2):
        both = {"z": {"night": (own[seed], 0.8)}, "w": {"night": (w[seed], 0.9), "snow": (0.0, 0.0)}}
        rows.append(styled("stylegan", seed, edits=both))
        rows.append(styled("dcgan", seed, edits={"z": {"night": (dcgan[seed], 0.9)}}, ceiling={"night": 0.9}))
    verdicts(monkeypatch, stylegan=rows)
    assert claims._steered()[1] == verdict  # "snow" counts nowhere: z has no such edit


def test_an_edit_that_destroys_all_else_counts_as_little_as_one_that_does_nothing(monkeypatch):
    row = styled("stylegan", 0, edits={"w": {"night": (1.0, 0.2)}})
    assert claims._edited(row, "w", ["night"], {"night": 0.8}) == pytest.approx(0.25)
    row["edits"]["w"]["night"].append({"done": 0.5, "kept": 0.7})
    assert claims._edited(row, "w", ["night"], {"night": 0.8}) == 0.5

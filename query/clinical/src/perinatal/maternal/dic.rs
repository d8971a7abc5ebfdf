//! The Japanese criteria for obstetric DIC (産科DIC診断基準), which came in the place of the score of 1985.
//!
//! Two editions are known by name: the tentative one of 2022-06 and that of 2024-06, which is said to differ in its row of
//! fibrinogen. The table here was read on a secondary page that does not say which of the two it is: unverified. The score of 1985,
//! which the guideline on haemorrhage means by its eight points, is another: it asks for signs nobody writes down as figures here, and
//! is taken only as somebody scored it.

use super::{MaternalLimit, MaternalLimits, Reached};
use crate::{OutOfDomainError, within};

/// What a DIC may come of; one is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DicDisease {
    /// 常位胎盤早期剝離.
    Abruption,
    /// 羊水塞栓症.
    AmnioticEmbolism,
    /// 非凝固性分娩後異常出血: what is lost does not clot.
    NotClotting,
}

/// What the criteria are asked of. What is `None` was not looked at.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct DicSigns {
    /// What it may come of; `Some(None)` where none of them was found.
    pub disease: Option<Option<DicDisease>>,
    /// Fibrinogen, mg/dL.
    pub fibrinogen: Option<f64>,
    /// FDP, µg/mL.
    pub fdp: Option<f64>,
    /// D-dimer, µg/mL.
    pub d_dimer: Option<f64>,
}

/// The points of the criteria.
#[derive(Clone, PartialEq, Debug)]
pub struct ObstetricDic {
    /// Points of the disease, of fibrinogen, and of FDP or D-dimer, whichever has more; `None` where it was not looked at.
    pub points: [Option<u8>; 3],
    /// The sum of what is known: it is at least that.
    pub least: u8,
    /// The sum if all that is not known had the most points.
    pub most: u8,
    /// Whether it is a DIC by the criteria; `None` where what is not known could decide it.
    pub dic: Option<bool>,
    /// The steps that are reached, from the table, and at last the limit of the sum.
    pub reached: Vec<Reached>,
}

/// The points by what is known.
///
/// # Errors
/// When a value is none a patient has.
pub fn obstetric_dic(signs: &DicSigns, limits: &MaternalLimits) -> Result<ObstetricDic, OutOfDomainError> {
    use MaternalLimit as L;
    let known = |argument, value: Option<f64>, high, domain| {
        value.map(|value| within(argument, value, (0.0, high), domain)).transpose()
    };
    let fibrinogen = known("fibrinogen", signs.fibrinogen, 2_000.0, "0 to 2,000 mg/dL")?;
    let fdp = known("fdp", signs.fdp, 10_000.0, "0 to 10,000 ug/mL")?;
    let d_dimer = known("d_dimer", signs.d_dimer, 10_000.0, "0 to 10,000 ug/mL")?;
    let by_fibrinogen: Vec<Reached> = [L::DicFibrinogenOne, L::DicFibrinogenTwo, L::DicFibrinogenThree]
        .into_iter()
        .filter_map(|limit| limits.below(limit, fibrinogen))
        .collect();
    let steps =
        |of: [L; 2], value| -> Vec<Reached> { of.into_iter().filter_map(|limit| limits.from(limit, value)).collect() };
    let (by_fdp, by_d_dimer) =
        (steps([L::DicFdpOne, L::DicFdpTwo], fdp), steps([L::DicDDimerOne, L::DicDDimerTwo], d_dimer));
    let lysis = if by_d_dimer.len() > by_fdp.len() { by_d_dimer } else { by_fdp };
    let of_disease = limits.value(L::DicDisease).round() as u8;
    let disease = signs.disease.map(|disease| if disease.is_some() { of_disease } else { 0 });
    let count = |steps: &[Reached]| u8::try_from(steps.len()).unwrap_or(u8::MAX);
    let points = [
        disease,
        fibrinogen.map(|_| count(&by_fibrinogen)),
        (fdp.is_some() || d_dimer.is_some()).then(|| count(&lysis)),
    ];
    let sum = |unknown: [u8; 3]| points.iter().zip(unknown).map(|(known, most)| known.unwrap_or(most)).sum::<u8>();
    // FDP or D-dimer: the criteria take either, so that one of them is enough
    let (least, most) = (sum([0; 3]), sum([of_disease, 3, 2]));
    let limit = limits.value(L::ObstetricDic);
    let dic = match (f64::from(least) >= limit, f64::from(most) >= limit) {
        (true, _) => Some(true),
        (false, false) => Some(false),
        (false, true) => None,
    };
    let mut reached: Vec<Reached> = Vec::new();
    if dic == Some(true) {
        reached.push(Reached { limit: L::ObstetricDic, value: f64::from(least) });
    }
    reached.extend(by_fibrinogen.last());
    reached.extend(lysis.last());
    Ok(ObstetricDic { points, least, most, dic, reached })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dic(disease: Option<Option<DicDisease>>, blood: [Option<f64>; 3]) -> ObstetricDic {
        let [fibrinogen, fdp, d_dimer] = blood;
        obstetric_dic(&DicSigns { disease, fibrinogen, fdp, d_dimer }, &MaternalLimits::shipped()).unwrap()
    }

    #[test]
    fn fibrinogen_has_points_below_each_step() {
        for (value, points) in [(300.0, 0), (299.9, 1), (200.0, 1), (199.9, 2), (150.0, 2), (149.9, 3), (0.0, 3)] {
            assert_eq!(dic(None, [Some(value), None, None]).points, [None, Some(points), None], "{value}");
        }
    }

    #[test]
    fn fdp_or_d_dimer_has_points_from_each_step_on() {
        for (fdp, d_dimer, points) in [
            (Some(29.9), None, 0),
            (Some(30.0), None, 1),
            (Some(59.9), None, 1),
            (Some(60.0), None, 2),
            (None, Some(14.9), 0),
            (None, Some(15.0), 1),
            (None, Some(24.9), 1),
            (None, Some(25.0), 2),
            (Some(10.0), Some(25.0), 2),
            (Some(60.0), Some(1.0), 2),
        ] {
            assert_eq!(dic(None, [None, fdp, d_dimer]).points, [None, None, Some(points)], "{fdp:?} {d_dimer:?}");
        }
    }

    #[test]
    fn eight_points_are_a_dic_and_what_is_not_known_is_not_zero() {
        let abruption = Some(Some(DicDisease::Abruption));
        let of = |disease, blood| {
            let told = dic(disease, blood);
            (told.least, told.most, told.dic)
        };
        assert_eq!(of(abruption, [Some(140.0), Some(30.0), None]), (8, 8, Some(true)));
        assert_eq!(of(abruption, [Some(150.0), Some(60.0), None]), (8, 8, Some(true)));
        assert_eq!(of(abruption, [Some(150.0), Some(59.0), None]), (7, 7, Some(false)));
        assert_eq!(of(Some(None), [Some(50.0), Some(100.0), None]), (5, 5, Some(false)), "nothing it may come of");
        assert_eq!(of(None, [Some(50.0), Some(100.0), None]), (5, 9, None), "nobody said what of");
        assert_eq!(of(None, [Some(250.0), Some(10.0), None]), (1, 5, Some(false)), "whatever it came of");
        assert_eq!(of(abruption, [Some(140.0), None, None]), (7, 9, None));
        assert_eq!(of(abruption, [None; 3]), (4, 9, None));
        assert_eq!(of(None, [None; 3]), (0, 9, None));
        for disease in [DicDisease::AmnioticEmbolism, DicDisease::NotClotting] {
            assert_eq!(of(Some(Some(disease)), [Some(140.0), Some(30.0), None]), (8, 8, Some(true)));
        }
        let told = dic(abruption, [Some(140.0), None, Some(25.0)]);
        let keys: Vec<&str> = told.reached.iter().map(|one| one.limit.row().key).collect();
        assert_eq!((told.least, keys), (9, vec!["obstetric-dic", "dic-fibrinogen-3", "dic-d-dimer-2"]));
        let wrong = DicSigns { fibrinogen: Some(-1.0), ..DicSigns::default() };
        assert!(obstetric_dic(&wrong, &MaternalLimits::shipped()).is_err());
        assert!(MaternalLimit::ObstetricDic.row().source.text.contains("unverified"));
    }
}

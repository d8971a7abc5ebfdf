//! Statistics of values, and risks that are functions of one value.

/// The arithmetic mean; `None` of nothing.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// The standard deviation of a sample (n - 1); `None` of fewer than two.
pub(super) fn deviation(values: impl IntoIterator<Item = f64> + Clone) -> Option<f64> {
    let middle = mean(values.clone())?;
    let count = values.clone().into_iter().count();
    let squares: f64 = values.into_iter().map(|value| (value - middle).powi(2)).sum();
    (count > 1).then(|| (squares / (count - 1) as f64).sqrt())
}

/// The quantile by straight lines between order statistics (type 7 of Hyndman and Fan); `None` of nothing.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = place.floor();
    let (low, high) = (sorted.get(below as usize)?, sorted.get(place.ceil() as usize)?);
    Some(low + (high - low) * (place - below))
}

/// Sorted values.
pub(super) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Kovatchev's symmetrised scale: 0 at 112.5 mg/dL, below zero for low values.
pub(super) fn symmetrised(value: f64) -> f64 {
    1.509 * (value.ln().powf(1.084) - 5.381)
}

/// Risk of low glucose, 0 to 100.
pub(super) fn low_risk(value: f64) -> f64 {
    10.0 * symmetrised(value).min(0.0).powi(2)
}

/// Risk of high glucose, 0 to 100.
pub(super) fn high_risk(value: f64) -> f64 {
    10.0 * symmetrised(value).max(0.0).powi(2)
}

/// GRADE of one value, at most 50.
pub(super) fn grade(value: f64) -> f64 {
    const MMOL: f64 = 18.0;
    (425.0 * ((value / MMOL).log10().log10() + 0.16).powi(2)).min(50.0)
}

//! The mother: bleeding, blood pressure, early warning, labour, glucose.

mod dic;
mod glucose;
mod haemorrhage;
mod labour;
mod limit;
mod pressure;
mod warning;

pub use dic::{DicDisease, DicSigns, ObstetricDic, obstetric_dic};
pub use glucose::{Glucose, GlucoseClass, GlucoseFacts, glucose};
pub use haemorrhage::{
    Amount, Bleeding, BloodLoss, Delivery, Haemorrhage, HaemorrhageLevel, HaemorrhageReason, Loss, blood_loss,
    haemorrhage, haemorrhage_level, shock_index,
};
pub use labour::{
    Bishop, Cervix, CervixPosition, Consistency, Examination, LabourSigns, Progress, SecondStage, SecondStageTold,
    bishop, labour_alerts, progress, second_stage,
};
pub use limit::{MaternalLimit, MaternalLimits, Reached};
pub use pressure::{
    Crisis, Hdp, HdpClass, HdpFeature, HypertensionFacts, Pressure, PressureClass, crisis, hdp, pressure_class,
};
pub use warning::{
    Colour, Consciousness, EarlySigns, MEOWS, MEOWS_ROWS, MEOWS_VERSION, Meows, MeowsError, MeowsRow, MeowsTable, Sign,
    early_warning, meows,
};

#[cfg(test)]
mod tests;

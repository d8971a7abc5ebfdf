//! Mother and newborn.

use super::done;
use crate::cli::consent::{each, own, stated_at};
use crate::cli::rows::Row;
use crate::cli::terminal::say;
use crate::client::Connection;
use clap::Args;
use model::{
    FacilityId, FetusNumber, FetusNumberError, Kinship, KinshipEnd, LinkId, MemberId, PatientNumber, PatientRef,
};
use std::process::ExitCode;
use wire::v1;

#[derive(Debug, Args)]
pub(super) struct Kin {
    /// 母の患者番号（自施設） The mother's number at the caller's facility.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    mother: PatientNumber,
    /// 新生児の患者番号、または 施設:番号 The newborn's number there, or FACILITY:NUMBER.
    #[arg(long, value_name = "NUMBER")]
    newborn: String,
    /// 第何児か（1–3、心拍数 fhr1–fhr3） Which fetus the newborn was, 1 to 3: whose trace was fhr1, fhr2 or fhr3.
    #[arg(long, value_name = "N", value_parser = fetus)]
    fetus: Option<FetusNumber>,
    /// 番号（既定は新しく作る） Id; a new one when not given.
    #[arg(long, value_parser = |text: &str| LinkId::parse(text))]
    id: Option<LinkId>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(super) struct End {
    /// 登録の番号 The statement's id.
    #[arg(value_parser = |text: &str| LinkId::parse(text))]
    id: LinkId,
    /// 母の患者番号（自施設） The mother's number at the caller's facility.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    mother: PatientNumber,
    #[command(flatten)]
    connection: Connection,
}

fn fetus(text: &str) -> Result<FetusNumber, FetusNumberError> {
    text.parse().map_or(Err(FetusNumberError), FetusNumber::new)
}

/// Who states it: the caller, or, where a system asks, its facility's name.
fn speaker(connection: &Connection, own: &FacilityId) -> anyhow::Result<MemberId> {
    Ok(match connection.member()? {
        Some(member) => member,
        None => MemberId::parse(own.as_str())?,
    })
}

/// A number of the caller's facility, or `FACILITY:NUMBER`.
fn newborn(text: &str, own: &FacilityId) -> anyhow::Result<PatientRef> {
    // A patient number may hold a colon; what stands before it must then be no facility id.
    if let Some((at, number)) = text.split_once(':')
        && let Ok(at) = FacilityId::parse(at)
    {
        return Ok(PatientRef::new(at, PatientNumber::parse(number)?));
    }
    Ok(PatientRef::new(own.clone(), PatientNumber::parse(text)?))
}

impl Kin {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let own = own(&self.connection)?;
        let digest = uuid::Uuid::now_v7().simple().to_string();
        let id = match self.id {
            Some(id) => id,
            None => LinkId::parse(&format!("k-{digest}"))?,
        };
        let newborn = newborn(&self.newborn, &own)?;
        let by = speaker(&self.connection, &own)?;
        let mut kinship = Kinship::new(id, PatientRef::new(own, self.mother), newborn, by, stated_at(None)?)?;
        kinship.fetus = self.fetus;
        let client = self.connection.open().await?;
        say(format!("母子 kinship {}", kinship.id));
        each(&client, vec![Row { line: 1, content: kinship, digest }], async |row| {
            let request = v1::PutKinshipRequest { kinship: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().put_kinship(request).await.map(done))
        })
        .await
    }
}

impl End {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let own = own(&self.connection)?;
        let by = speaker(&self.connection, &own)?;
        let end = KinshipEnd { id: self.id, mother: PatientRef::new(own, self.mother), by, at: stated_at(None)? };
        let client = self.connection.open().await?;
        let digest = uuid::Uuid::now_v7().simple().to_string();
        each(&client, vec![Row { line: 1, content: end, digest }], async |row| {
            let request = v1::EndKinshipRequest { end: Some((&row.content).into()), request_id: row.digest };
            Ok(client.directory().end_kinship(request).await.map(done))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newborn_is_of_the_callers_facility_unless_another_is_named() {
        let own = FacilityId::parse("hospital").unwrap();
        let of = |text: &str| newborn(text, &own).map(|found| (found.facility().clone(), found.number().clone()));
        let named = |at: &str, number: &str| (FacilityId::parse(at).unwrap(), PatientNumber::parse(number).unwrap());
        assert_eq!(of("00012").unwrap(), named("hospital", "00012"));
        assert_eq!(of("perinatal:7").unwrap(), named("perinatal", "7"));
        assert_eq!(of("A/3:7").unwrap(), named("hospital", "A/3:7"));
        assert!(of("").is_err());
    }
}

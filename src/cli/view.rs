//! `ajisai view`: the tables that a facility defines for itself, by SQL-on-FHIR ViewDefinitions.

use super::consent::refused;
use super::terminal::{remark, say, table};
use crate::client::{Client, Connection};
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{DefinitionName, Moment};
use query::StandardView;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wire::v1;

/// 自施設の表を SQL-on-FHIR の ViewDefinition で定義する。作った表は、閲覧できる記録からその都度作られる。
/// The facility's own tables, by SQL-on-FHIR ViewDefinitions: made of what it may see, anew for every statement.
#[derive(Debug, Args)]
#[command(after_help = "使える式と資源 What is understood: docs/sql-on-fhir.md")]
pub struct ViewCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// 表を定義する、または置き換える。Define a table, or replace it.
    #[command(after_help = "例 Examples:\n  ajisai view create --as clinic.token --sql-on-fhir hba1c.json\n  \
        ajisai view create hba1c --as clinic.token --sql-on-fhir hba1c.json --try\n  \
        ajisai sql --as clinic.token 'SELECT * FROM hba1c'\n\n\
        終了コード Exit codes: 0 定義した defined, 1 定義が読めない、名前がすでにある the definition cannot be read, or the name is taken")]
    Create {
        /// 表の名前（省略時は定義の name） The table's name; that of the definition when not given.
        name: Option<String>,
        /// ViewDefinition の JSON A ViewDefinition, as JSON.
        #[arg(long, value_name = "FILE")]
        sql_on_fhir: PathBuf,
        /// 列を示すだけで、定義しない Only show its columns.
        #[arg(long = "try")]
        try_only: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// 定義した表の一覧。The tables that are defined.
    #[command(after_help = "例 Example:\n  ajisai view list --as clinic.token")]
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// 定義を書き出す。Write a definition.
    #[command(after_help = "例 Examples:\n  ajisai view show hba1c --as clinic.token > hba1c.json\n  \
        ajisai view show hba1c --as clinic.token --definition-version 1")]
    Show {
        /// 表の名前 The table's name.
        name: String,
        /// 版（省略時は現在） Which version; the one that holds when not given.
        #[arg(long, value_name = "N", default_value_t = 0)]
        definition_version: u64,
        #[command(flatten)]
        connection: Connection,
    },
    /// 表をなくす。記録は変わらない。Take a table away; records do not change.
    #[command(after_help = "例 Example:\n  ajisai view drop hba1c --as clinic.token")]
    Drop {
        /// 表の名前 The table's name.
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
}

impl ViewCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// When the node cannot be reached or refuses, or the file is no definition that can be a table.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Create { name, sql_on_fhir, try_only, connection } => {
                create(&connection, name.as_deref(), &sql_on_fhir, try_only).await
            }
            Act::List { connection } => list(&connection).await,
            Act::Show { name, definition_version, connection } => show(&connection, name, definition_version).await,
            Act::Drop { name, connection } => drop_table(&connection, &name).await,
        }
    }
}

/// The name that a table has: the one given, or that of the definition, in small letters as SQL reads names.
fn named(given: Option<&str>, text: &str) -> anyhow::Result<DefinitionName> {
    let own = || {
        let name = serde_json::from_str::<serde_json::Value>(text).ok()?.get("name")?.as_str()?.to_ascii_lowercase();
        Some(name)
    };
    let name = match given {
        Some(name) => name.to_owned(),
        None => own().context("the definition has no `name`: give the table one")?,
    };
    DefinitionName::parse(&name).with_context(|| format!("`{name}` is no name for a table: give it another"))
}

async fn state(client: &Client, name: &DefinitionName, text: &str, try_only: bool) -> anyhow::Result<u64> {
    let mut definition =
        v1::Definition { name: name.as_str().to_owned(), text: text.to_owned(), ..v1::Definition::default() };
    definition.set_kind(v1::DefinitionKind::View);
    let request = v1::PutDefinitionRequest { definition: Some(definition), request_id: String::new(), try_only };
    let response = client.definitions().put_definition(request).await;
    Ok(response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner().version)
}

async fn create(connection: &Connection, name: Option<&str>, file: &Path, try_only: bool) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let name = named(name, &text)?;
    let view = StandardView::read(&name, &text).map_err(|fault| anyhow::anyhow!("{}: {fault}", file.display()))?;
    let client = connection.open().await?;
    let version = state(&client, &name, &text, try_only).await?;
    let mut printed = table(&["列 column", "型 type", "説明 description"]);
    for (column, field) in view.view().columns().iter().zip(view.schema().fields()) {
        let description = column.description.clone().unwrap_or_default();
        printed.add_row([column.name.clone(), field.data_type().to_string(), description]);
    }
    say(printed.to_string());
    remark(if try_only {
        format!("{name}: 第 {version} 版になります（記録していません） would be version {version}; nothing was stated")
    } else {
        format!("{name}: 第 {version} 版 version {version}; SELECT * FROM \"{name}\"")
    });
    Ok(ExitCode::SUCCESS)
}

async fn defined(client: &Client) -> anyhow::Result<Vec<v1::GetDefinitionResponse>> {
    let mut request = v1::ListDefinitionsRequest::default();
    request.set_kind(v1::DefinitionKind::View);
    let response = client.definitions().list_definitions(request).await;
    Ok(response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner().definitions)
}

async fn list(connection: &Connection) -> anyhow::Result<ExitCode> {
    let found = defined(&connection.open().await?).await?;
    let mut printed = table(&["表 table", "資源 resource", "列 columns", "版 version", "定義日時 stated"]);
    for v1::GetDefinitionResponse { definition, version, stated_us, .. } in &found {
        let definition = definition.as_ref().context("the answer has no definition")?;
        let view = DefinitionName::parse(&definition.name)
            .ok()
            .and_then(|name| StandardView::read(&name, &definition.text).ok());
        let (resource, columns) = view.map_or_else(Default::default, |view| {
            (view.view().resource().to_owned(), view.view().columns().len().to_string())
        });
        let at = Moment::from_micros(*stated_us)?.to_string();
        printed.add_row([definition.name.clone(), resource, columns, version.to_string(), at]);
    }
    say(printed.to_string());
    remark(format!("{} 件の表 tables", found.len()));
    Ok(ExitCode::SUCCESS)
}

async fn show(connection: &Connection, name: String, version: u64) -> anyhow::Result<ExitCode> {
    let mut request = v1::GetDefinitionRequest { name, version, ..v1::GetDefinitionRequest::default() };
    request.set_kind(v1::DefinitionKind::View);
    let response = connection.open().await?.definitions().get_definition(request).await;
    let response = response.map_err(|status| anyhow::anyhow!(refused(&status)))?.into_inner();
    say(response.definition.context("the answer has no definition")?.text.trim_end());
    let (version, versions) = (response.version, response.versions);
    remark(format!(
        "第 {version} 版（全 {versions} 版）version {version} of {versions}; {}",
        Moment::from_micros(response.stated_us)?
    ));
    Ok(ExitCode::SUCCESS)
}

async fn drop_table(connection: &Connection, name: &str) -> anyhow::Result<ExitCode> {
    let name = DefinitionName::parse(name)?;
    let client = connection.open().await?;
    let stands = |one: &v1::GetDefinitionResponse| {
        one.definition.as_ref().is_some_and(|definition| definition.name == name.as_str())
    };
    if !defined(&client).await?.iter().any(stands) {
        anyhow::bail!(
            "{name} という表は定義されていません no table {name} is defined; `ajisai view list` shows those that are"
        );
    }
    let version = state(&client, &name, "", false).await?;
    remark(format!("{name}: なくしました（第 {version} 版） taken away; version {version}"));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_given_name_or_the_definitions() {
        let of = |given, text| named(given, text).map(|name| name.to_string()).map_err(|error| format!("{error:#}"));
        assert_eq!(of(None, r#"{"name": "PatientDemographics"}"#), Ok("patientdemographics".to_owned()));
        assert_eq!(of(Some("mine"), r#"{"name": "Other"}"#), Ok("mine".to_owned()));
        assert!(of(None, "{}").unwrap_err().contains("give the table one"));
        assert!(of(Some("My Table"), "{}").unwrap_err().contains("is no name for a table"));
    }
}

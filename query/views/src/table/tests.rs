use super::{RowBuilder, columns, record_of, table_name, view_schema};
use crate::testing::{record, rng};
use model::{Category, Position};

#[test]
fn every_record_comes_back_from_its_row_as_it_was() {
    let mut rng = rng(7);
    for category in Category::ALL.iter().copied() {
        let mut builder = RowBuilder::new(category);
        let records: Vec<_> =
            (0..200).map(|i| record(category, "nagasaki-mc", &format!("{i}"), &format!("r-{i}"), &mut rng)).collect();
        for (i, record) in records.iter().enumerate() {
            assert!(builder.push(Position::new(3, i as u64), record));
        }
        let batch = builder.finish().unwrap();
        assert_eq!(batch.num_rows(), 200, "{category}");
        for (i, record) in records.iter().enumerate() {
            let (position, found) = record_of(category, &batch, i).expect("readable");
            assert_eq!(position, Position::new(3, i as u64));
            assert!(found == *record, "{category} record {i} differs after the round trip");
        }
    }
}

#[test]
fn the_readme_of_query_documents_every_table_as_it_is() {
    use std::fmt::Write as _;
    let common = columns(Category::Patient).take(super::columns::COMMON_COLUMNS).copied().collect::<Vec<_>>();
    let mut text = String::from(
        "Every table begins with these columns.\nどの表も次の列で始まります。\n\n\
         | column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n",
    );
    let line = |text: &mut String, column: &super::Column| {
        let null = if column.nullable { "yes" } else { "no" };
        writeln!(text, "| `{}` | {} | {null} | {} | {} |", column.name, column.kind.sql(), column.en, column.ja)
            .unwrap();
    };
    common.iter().for_each(|column| line(&mut text, column));
    for category in Category::ALL.iter().copied() {
        write!(text, "\n### `{}`\n\n", table_name(category)).unwrap();
        text.push_str("| column | type | NULL | meaning | 意味 |\n| --- | --- | --- | --- | --- |\n");
        columns(category).skip(common.len()).for_each(|column| line(&mut text, column));
        assert_eq!(view_schema(category).fields().len(), columns(category).count());
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let (begin, end) = ("<!-- tables: begin -->\n", "<!-- tables: end -->");
    let readme = std::fs::read_to_string(path).expect("query/README.md");
    let (head, rest) = readme.split_once(begin).expect("the mark where the tables begin");
    let (found, tail) = rest.split_once(end).expect("the mark where the tables end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{head}{begin}{text}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(found, text, "run with UPDATE_EXPECT=1 to write the section anew");
}

#[test]
fn table_names_are_the_categories_codes_with_underscores() {
    for category in Category::ALL {
        assert_eq!(table_name(*category), category.code().replace('-', "_"));
    }
}

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_path_breaks_the_grammar(path in "[0-9A-Za-z_^\\-./\\\\\u{0}一-龠]{0,120}") {
        let _ = place(Path::new(&path));
        let _ = FileName::parse(&path);
        let _ = Hint::of_path(&path);
    }

    #[test]
    fn no_journal_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = named_in(&bytes);
    }

    #[test]
    fn a_name_put_together_by_the_rules_is_read_back(
        patient in "[0-9]{7,15}",
        dated in any::<bool>(),
        kind in 0usize..26,
        order in "[0-9A-Z]{1,22}",
        second in 0u32..60,
        milli in 0u32..1000,
        department in "[0-9]{2,3}",
        flag in prop::sample::select(vec!['0', '1', '2']),
    ) {
        let date = if dated { "20111220" } else { "-" };
        let kind = Kind::ALL[kind];
        let name = format!("{patient}_{date}_{kind}_{order}_201112201030{second:02}{milli:03}_{department}_{flag}");
        let ((first, rest), dates) = (patient.split_at(3), format!("{patient}/{date}"));
        let path = format!("{first}/{}/{dates}/{kind}/{name}", rest.split_at(3).0);
        let read = place(Path::new(&path)).unwrap();
        prop_assert_eq!(read.patient.as_str(), patient.as_str());
        prop_assert_eq!(read.date.is_some(), dated);
        prop_assert_eq!(read.data, DataType::Standard(kind));
        prop_assert_eq!(read.order.as_str(), order.as_str());
        let at = format!("2011-12-20T10:30:{second:02}.{milli:03}+09:00");
        prop_assert_eq!(read.stamp, model::Moment::parse(&at).unwrap());
        prop_assert_eq!(read.condition.flag(), flag);
        prop_assert_eq!(Hint::of_path(&path), Some(Hint::Folder(path.rsplit_once('/').unwrap().0.to_owned())));
    }

    #[test]
    fn a_hint_never_leads_out_of_the_storage(path in "([a-z0-9.]{0,3}/){0,8}[a-z.]{0,3}") {
        if let Some(hint) = Hint::of_path(&path) {
            prop_assert!(!hint.path().split('/').any(|part| part == ".." || part.is_empty()));
            prop_assert!(!hint.path().starts_with('/'));
        }
    }
}

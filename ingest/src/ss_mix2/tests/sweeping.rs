use super::*;

const OLD: &str = "9999013_20111220_OML-11_1_20111220103059000_01_1";
const NEW: &str = "9999013_20111220_OML-11_1_20111221103059000_01_1";

#[test]
fn a_first_load_takes_everything_once_and_a_sweep_after_it_finds_nothing() {
    let ward = Ward::new();
    for patient in 0..40 {
        ward.write(&format!("12345{patient:02}_20111220_OML-11_1_20111220103059000_01_1"), "a");
        ward.write(&format!("12345{patient:02}_-_ADT-00_999999999999999_20111220103059000_-_1"), "b");
    }
    let swept = ward.sweep(&EAGER);
    assert_eq!((swept.folders, swept.files, swept.new, swept.bytes), (80, 80, 80, 80));
    assert_eq!(ward.notebook.names().len(), 80);
    let swept = ward.sweep(&EAGER);
    assert_eq!((swept.files, swept.new, swept.failed), (80, 0, 0));
    assert!(ward.notebook.names().is_empty());
}

#[test]
fn a_restart_goes_on_where_it_stood() {
    let Ward { directory, cursor, notebook } = Ward::new();
    let ward = Ward { directory, cursor, notebook };
    ward.write(OLD, "a");
    ward.sweep(&EAGER);
    assert_eq!(ward.notebook.names(), [OLD]);
    ward.cursor.sync().unwrap();
    let Ward { directory, cursor, notebook } = ward;
    drop((cursor, notebook));
    let cursor = Arc::new(Cursor::open(&directory.path().join("cursor")).unwrap());
    let notebook = Notebook::new(&cursor);
    let ward = Ward { directory, cursor, notebook };
    ward.write(NEW, "b");
    ward.sweep(&EAGER);
    assert_eq!(ward.notebook.names(), [NEW]);
}

#[test]
fn a_rename_is_the_old_name_gone_and_the_new_one_found() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    ward.sweep(&EAGER);
    ward.notebook.names();
    let superseded = OLD.replace("_01_1", "_01_2");
    ward.rename(OLD, &superseded);
    ward.write(NEW, "b");
    ward.sweep(&EAGER);
    // In the order in which they replace each other.
    let order: Vec<String> = ward.notebook.taken.lock().drain(..).map(|(name, _)| name).collect();
    assert_eq!(order, [superseded, NEW.to_owned()]);
    assert_eq!(ward.notebook.gone.lock().as_slice(), [OLD]);
    assert_eq!(ward.sweep(&EAGER).new, 0);
}

#[test]
fn a_file_written_anew_is_found_again() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    ward.sweep(&EAGER);
    ward.notebook.names();
    ward.write(OLD, "longer");
    ward.sweep(&EAGER);
    assert_eq!(ward.notebook.names(), [OLD]);
}

#[test]
fn a_file_that_may_still_be_written_is_left_alone_and_said() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    let patient = Reading { settled: Duration::from_secs(3600), ..EAGER };
    let swept = ward.sweep(&patient);
    assert_eq!((swept.files, swept.new, swept.unsettled), (1, 0, 1));
    assert_eq!(ward.sweep(&EAGER).new, 1);
}

#[test]
fn what_is_no_part_of_a_storage_is_counted_and_left() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    std::fs::write(ward.root().join("LICENSE"), "x").unwrap();
    std::fs::write(ward.path_of(OLD).parent().unwrap().parent().unwrap().join("memo.txt"), "x").unwrap();
    std::fs::create_dir_all(ward.root().join(".snapshot/999/901/9999013/20111220/OML-11")).unwrap();
    std::fs::write(ward.root().join(".snapshot/999/901/9999013/20111220/OML-11").join(OLD), "a").unwrap();
    let swept = ward.sweep(&EAGER);
    assert_eq!((swept.stray, swept.new, swept.folders), (2, 1, 1));
}

#[test]
fn a_name_that_is_none_is_found_with_its_fault_and_a_large_file_without_its_bytes() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    std::fs::write(ward.path_of(OLD).with_file_name("Thumbs.db"), "x").unwrap();
    ward.write(NEW, &"x".repeat(2 << 20));
    let folder = look(&ward.volume(), "999/901/9999013/20111220/OML-11", ward.cursor.as_ref(), &EAGER).unwrap();
    let bodies: Vec<_> = folder.found.iter().map(|found| (found.place.is_ok(), &found.body)).collect();
    let (small, thumb) = (Body::File("a".into()), Body::File("x".into()));
    assert_eq!(bodies, [(false, &thumb), (true, &small), (true, &Body::TooLarge)]);
}

#[test]
fn a_content_folder_is_one_thing_with_a_main_document() {
    let ward = Ward::new();
    let kind = "L-OBSERVATIONS^OBSERVATIONS^99ZL01";
    let name = format!("0123456789_20160101_{kind}_000000020160101_201601011500321_1");
    let folder = ward.root().join("012/345/0123456789/20160101").join(kind).join(&name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("main_document.hl7"), "MSH").unwrap();
    std::fs::write(folder.join("image.png"), "png").unwrap();
    ward.sweep(&EAGER);
    let taken = ward.notebook.taken.lock().clone();
    let body = Body::Content { main: "main_document.hl7".to_owned(), bytes: "MSH".into(), others: 1 };
    assert_eq!(taken, [(name, body)]);
    assert_eq!(ward.sweep(&EAGER).new, 0);
    std::fs::write(folder.join("main_document.hl7"), "MSH|").unwrap();
    assert_eq!(ward.sweep(&EAGER).new, 1);
}

#[test]
fn a_storage_that_is_not_there_is_no_empty_storage() {
    let ward = Ward::new();
    let volume = Volume { label: "STD".to_owned(), root: ward.root().join("absent") };
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let taker = ward.notebook.as_ref();
    let sweeper = Sweeper {
        volume: &volume,
        known: ward.cursor.as_ref(),
        reading: &EAGER,
        taker,
        progress: &progress,
        stop: &stop,
    };
    assert!(matches!(sweeper.run(), Err(LookError::Storage(_))));
}

struct Full;
impl Taker for Full {
    fn take(&self, _: Vec<Folder>) -> Result<(), TakeError> {
        Err(TakeError { reason: "the disk is full".to_owned() })
    }
}

#[test]
fn what_could_not_be_taken_comes_again() {
    let ward = Ward::new();
    ward.write(OLD, "a");
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let volume = ward.volume();
    let sweeper = Sweeper {
        volume: &volume,
        known: ward.cursor.as_ref(),
        reading: &EAGER,
        taker: &Full,
        progress: &progress,
        stop: &stop,
    };
    assert!(matches!(sweeper.run(), Err(LookError::Take(_))));
    assert_eq!(ward.sweep(&EAGER).new, 1);
}

#[test]
fn the_real_storages_lie_as_their_names_say_but_for_one_file() {
    let Some(samples) = samples() else { return };
    for (sample, files, faults) in [("nho-sample", 22, 1), ("five-patients/ssmix2_root", 155, 0)] {
        let ward = Ward::new();
        let volume = Volume { label: "STD".to_owned(), root: samples.join(sample) };
        let found = Mutex::new(Vec::new());
        struct Places<'a>(&'a Mutex<Vec<Result<FileName, PathError>>>);
        impl Taker for Places<'_> {
            fn take(&self, folders: Vec<Folder>) -> Result<(), TakeError> {
                self.0.lock().extend(folders.into_iter().flat_map(|folder| folder.found).map(|found| found.place));
                Ok(())
            }
        }
        let swept = sweep(&volume, &ward.cursor, &Places(&found), &Reading::default());
        let found = found.into_inner();
        assert_eq!((swept.files, found.len()), (files, found.len()), "{sample}");
        let wrong: Vec<Level> = found.iter().filter_map(|place| place.as_ref().err()).map(|error| error.at).collect();
        assert_eq!(wrong, vec![Level::Patient; faults], "{sample}");
    }
}

//! The operating system's watch on a tree. It names folders; it never says what is in them.

use super::sweep::Hint;
use std::collections::BTreeSet;
use std::path::Path;

/// Why a tree is not watched.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The tree has more folders than the system watches.
    #[cfg(target_os = "linux")]
    #[error(
        "it has more folders than the system watches; raise fs.inotify.max_user_watches or use a transaction storage"
    )]
    TooManyFolders,
    /// The system refused.
    #[cfg(target_os = "linux")]
    #[error("the system does not watch it: {0}")]
    System(std::io::ErrorKind),
    /// No way is known here.
    #[cfg(not(target_os = "linux"))]
    #[error("this system's way of watching is not known")]
    Unsupported,
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::Watch;
#[cfg(target_os = "linux")]
pub(super) use linux::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use super::{BTreeSet, Hint, Path, WatchError};
    use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
    use std::collections::HashMap;
    use std::io::ErrorKind;
    use std::path::PathBuf;
    use walkdir::WalkDir;

    /// Below the root, type folders lie at 5 and content folders at 6.
    const DEEPEST: usize = 6;

    /// A watch on every folder of a tree.
    #[derive(Debug)]
    pub(in super::super) struct Watch {
        inotify: Inotify,
        root: PathBuf,
        /// Which folder a descriptor is of, relative to the root.
        folders: HashMap<WatchDescriptor, String>,
        buffer: Vec<u8>,
    }

    impl Watch {
        /// Watches every folder of the tree.
        pub(in super::super) fn open(root: &Path) -> Result<Self, WatchError> {
            let inotify = Inotify::init().map_err(|error| WatchError::System(error.kind()))?;
            let mut watch = Self { inotify, root: root.to_owned(), folders: HashMap::new(), buffer: vec![0; 64 << 10] };
            watch.add_below("")?;
            Ok(watch)
        }

        /// Watches a folder and all below it.
        fn add_below(&mut self, folder: &str) -> Result<(), WatchError> {
            let depth = folder.split('/').filter(|part| !part.is_empty()).count();
            let mask = WatchMask::CREATE
                | WatchMask::CLOSE_WRITE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO
                | WatchMask::DELETE
                | WatchMask::ONLYDIR;
            let walk = WalkDir::new(self.root.join(folder)).max_depth(DEEPEST.saturating_sub(depth));
            // What is gone again meanwhile need not be watched.
            for entry in walk.into_iter().flatten().filter(|entry| entry.file_type().is_dir()) {
                let Some(path) = super::super::sweep::relative(&self.root, entry.path()) else { continue };
                match self.inotify.watches().add(entry.path(), mask) {
                    Ok(descriptor) => {
                        self.folders.insert(descriptor, path);
                    }
                    // ENOSPC is how the system says that its limit is reached.
                    Err(error) if error.kind() == ErrorKind::StorageFull => return Err(WatchError::TooManyFolders),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(WatchError::System(error.kind())),
                }
            }
            Ok(())
        }

        /// Where something has happened since it was last asked. `false`: it has lost count.
        pub(in super::super) fn ask(&mut self, hints: &mut BTreeSet<Hint>) -> bool {
            loop {
                let mut news = Vec::new();
                match self.inotify.read_events(&mut self.buffer) {
                    Ok(events) => {
                        for event in events {
                            let name = event.name.map(|name| name.to_str().map(str::to_owned));
                            news.push((event.wd, event.mask, name));
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                    Err(_) => return false,
                }
                if news.is_empty() {
                    return true;
                }
                for (descriptor, mask, name) in news {
                    if !self.heard(&descriptor, mask, name, hints) {
                        return false;
                    }
                }
            }
        }

        fn heard(
            &mut self,
            descriptor: &WatchDescriptor,
            mask: EventMask,
            name: Option<Option<String>>,
            hints: &mut BTreeSet<Hint>,
        ) -> bool {
            if mask.contains(EventMask::Q_OVERFLOW) {
                return false;
            }
            if mask.contains(EventMask::IGNORED) {
                self.folders.remove(descriptor);
                return true;
            }
            let Some(folder) = self.folders.get(descriptor) else { return true };
            let path = match name {
                Some(Some(name)) if folder.is_empty() => name,
                Some(Some(name)) => format!("{folder}/{name}"),
                Some(None) | None => folder.clone(),
            };
            hints.extend(Hint::of_path(&path));
            if mask.contains(EventMask::ISDIR) && mask.intersects(EventMask::CREATE | EventMask::MOVED_TO) {
                // What was put into it before it is watched, the hint finds.
                return self.add_below(&path).is_ok();
            }
            true
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{BTreeSet, Hint, Path, WatchError};

    /// No watch.
    #[derive(Debug)]
    pub(in super::super) struct Watch;

    impl Watch {
        pub(in super::super) fn open(_: &Path) -> Result<Self, WatchError> {
            Err(WatchError::Unsupported)
        }
        pub(in super::super) fn ask(&mut self, _: &mut BTreeSet<Hint>) -> bool {
            true
        }
    }
}

//! A downloaded file, unpacked part by part: a zip of files, a gzip stream, or plain text. Whether it
//! is whole is known before the first row of it is read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const LONG_END: u32 = 0x0606_4b50;
const LONG_END_LOCATOR: u32 = 0x0706_4b50;
/// A comment behind the directory is no longer.
const LONGEST_COMMENT: u64 = 65_535;
/// What a directory may take in memory.
const LARGEST_DIRECTORY: u64 = 64 << 20;
/// In place of a size that doesn't fit.
const ELSEWHERE: u64 = 0xffff_ffff;
const STORED: u64 = 0;
const DEFLATED: u64 = 8;
const BUFFER: usize = 256 << 10;

/// A file and what is packed in it.
#[derive(Debug)]
pub struct Archive {
    file: File,
    parts: Vec<Part>,
}

/// One packed file.
#[derive(Clone, Debug)]
struct Part {
    name: Option<String>,
    packing: Packing,
}

#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Gzip,
    /// An entry of a zip.
    Entry {
        /// Where its local header is.
        header: u64,
        method: u64,
        packed: u64,
        size: u64,
        checksum: u32,
    },
}

impl Archive {
    /// Looks at a file from its beginning. An error means that it isn't whole.
    pub fn open(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let mut head = Vec::new();
        (&mut file).take(4).read_to_end(&mut head)?;
        let parts = match *head {
            [] => Vec::new(),
            [b'P', b'K', 3 | 5, _] => directory(&mut file)?,
            [0x1f, 0x8b, ..] => vec![Part {
                name: None,
                packing: Packing::Gzip,
            }],
            _ => vec![Part {
                name: None,
                packing: Packing::Plain,
            }],
        };
        let mut archive = Self { file, parts };
        archive.check()?;
        Ok(archive)
    }

    /// How many files are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// The name of a packed file, where it has one.
    #[must_use]
    pub fn name(&self, part: usize) -> Option<&str> {
        self.parts[part].name.as_deref()
    }

    /// What a packed file holds, from its beginning.
    pub fn read(&mut self, part: usize) -> io::Result<Box<dyn Read + '_>> {
        let packing = self.parts[part].packing;
        let start = match packing {
            Packing::Plain | Packing::Gzip => 0,
            Packing::Entry { header, .. } => data_of(&mut self.file, header)?,
        };
        self.file.seek(SeekFrom::Start(start))?;
        let file = BufReader::with_capacity(BUFFER, &self.file);
        Ok(match packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Entry { method, packed, .. } if method == DEFLATED => {
                Box::new(DeflateDecoder::new(file.take(packed)))
            }
            Packing::Entry { packed, .. } => Box::new(file.take(packed)),
        })
    }

    /// Unpacks everything once: what was cut or damaged on the way must not be half read.
    fn check(&mut self) -> io::Result<()> {
        for part in 0..self.parts.len() {
            let packing = self.parts[part].packing;
            if matches!(packing, Packing::Plain) {
                continue;
            }
            let mut reader = self.read(part)?;
            let mut block = vec![0; BUFFER];
            let mut crc = Crc::new();
            let mut length = 0;
            loop {
                let read = reader.read(&mut block)?;
                if read == 0 {
                    break;
                }
                length += read as u64;
                crc.update(&block[..read]);
            }
            if let Packing::Entry { size, checksum, .. } = packing
                && (length, crc.sum()) != (size, checksum)
            {
                return Err(damaged("a file in it doesn't have its checksum"));
            }
        }
        Ok(())
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A number of `bytes` bytes, the lowest first.
fn number(data: &[u8], at: usize, bytes: usize) -> io::Result<u64> {
    let data = data
        .get(at..at + bytes)
        .ok_or_else(|| damaged("it is cut"))?;
    let places = data.iter().rev();
    Ok(places.fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn signature(data: &[u8], at: usize) -> io::Result<u32> {
    number(data, at, 4).map(|number| u32::try_from(number).unwrap_or_default())
}

/// Where the bytes of an entry begin.
fn data_of(file: &mut File, header: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(header))?;
    let mut local = [0; 30];
    file.read_exact(&mut local)?;
    if signature(&local, 0)? != LOCAL_HEADER {
        return Err(damaged("an entry isn't where the directory says"));
    }
    Ok(header + 30 + number(&local, 26, 2)? + number(&local, 28, 2)?)
}

/// The entries by the directory at the end of a zip.
fn directory(file: &mut File) -> io::Result<Vec<Part>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_start = length.saturating_sub(LONGEST_COMMENT + 22 + 20);
    file.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    file.take(LONGEST_COMMENT + 42).read_to_end(&mut tail)?;
    let is_end = |at: &usize| signature(&tail, *at).is_ok_and(|found| found == END);
    let at = (0..tail.len().saturating_sub(21)).rev().find(is_end);
    let at = at.ok_or_else(|| damaged("the zip has no directory"))?;
    let mut size = number(&tail, at + 12, 4)?;
    let mut start = number(&tail, at + 16, 4)?;
    let locator = at.checked_sub(20);
    let is_long = |at: &usize| signature(&tail, *at).is_ok_and(|found| found == LONG_END_LOCATOR);
    if let Some(locator) = locator.filter(is_long) {
        file.seek(SeekFrom::Start(number(&tail, locator + 8, 8)?))?;
        let mut long = [0; 56];
        file.read_exact(&mut long)?;
        if signature(&long, 0)? != LONG_END {
            return Err(damaged("the zip's directory isn't where it says"));
        }
        size = number(&long, 40, 8)?;
        start = number(&long, 48, 8)?;
    }
    if size > LARGEST_DIRECTORY {
        return Err(damaged("the zip's directory is too large"));
    }
    file.seek(SeekFrom::Start(start))?;
    let mut entries = Vec::new();
    file.take(size).read_to_end(&mut entries)?;
    let mut parts = Vec::new();
    let mut at = 0;
    while at < entries.len() {
        let (part, length) = entry(&entries[at..])?;
        at += length;
        // A folder.
        if part.name.as_deref().is_none_or(|name| !name.ends_with('/')) {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The first entry of a directory, and how long it is there.
fn entry(data: &[u8]) -> io::Result<(Part, usize)> {
    if signature(data, 0)? != CENTRAL_HEADER {
        return Err(damaged("the zip's directory is damaged"));
    }
    let lengths = [28, 30, 32].map(|at| number(data, at, 2));
    let [name, extra, comment] = lengths;
    let small = |length: io::Result<u64>| length.map(|it| usize::try_from(it).unwrap_or_default());
    let (name, extra, comment) = (small(name)?, small(extra)?, small(comment)?);
    let end = 46 + name + extra + comment;
    let all = data.get(..end).ok_or_else(|| damaged("it is cut"))?;
    let mut numbers = [
        number(all, 24, 4)?,
        number(all, 20, 4)?,
        number(all, 42, 4)?,
    ];
    long_numbers(&all[46 + name..46 + name + extra], &mut numbers)?;
    let [size, packed, header] = numbers;
    let method = number(all, 10, 2)?;
    if method != STORED && method != DEFLATED {
        return Err(damaged("a file in it is packed in a way that isn't known"));
    }
    let part = Part {
        name: Some(String::from_utf8_lossy(&all[46..46 + name]).into_owned()),
        packing: Packing::Entry {
            header,
            method,
            packed,
            size,
            checksum: signature(all, 16)?,
        },
    };
    Ok((part, end))
}

/// Takes those numbers that didn't fit from what stands behind the name.
fn long_numbers(extra: &[u8], numbers: &mut [u64]) -> io::Result<()> {
    let mut at = 0;
    while at + 4 <= extra.len() {
        let length = usize::try_from(number(extra, at + 2, 2)?).unwrap_or_default();
        if number(extra, at, 2)? == 1 {
            let mut field = at + 4;
            for wanted in numbers.iter_mut().filter(|number| **number == ELSEWHERE) {
                *wanted = number(extra, field, 8)?;
                field += 8;
            }
        }
        at += 4 + length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn all(bytes: &[u8]) -> io::Result<Vec<(Option<String>, String)>> {
        let mut archive = Archive::open(file(bytes))?;
        let mut found = Vec::new();
        for part in 0..archive.len() {
            let name = archive.name(part).map(str::to_owned);
            let mut text = String::new();
            archive.read(part)?.read_to_string(&mut text)?;
            found.push((name, text));
        }
        Ok(found)
    }

    /// Writes numbers of so many bytes, the lowest first.
    fn put(out: &mut Vec<u8>, numbers: &[(u64, usize)]) {
        for (number, bytes) in numbers {
            out.extend_from_slice(&number.to_le_bytes()[..*bytes]);
        }
    }

    /// A zip as streaming writers make them: sizes only in the directory.
    fn zip(entries: &[(&str, &str)], is_long: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut directory = Vec::new();
        for (name, text) in entries {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            let packed = encoder.finish().unwrap();
            let mut crc = Crc::new();
            crc.update(text.as_bytes());
            let header = out.len() as u64;
            let name_length = name.len() as u64;
            put(
                &mut out,
                &[
                    (LOCAL_HEADER.into(), 4),
                    (20, 2),
                    (8, 2),
                    (8, 2),
                    (0, 4),
                    (0, 4),
                    (0, 4),
                    (0, 4),
                    (name_length, 2),
                    (0, 2),
                ],
            );
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&packed);
            let (size, packed) = (text.len() as u64, packed.len() as u64);
            let told = |number| if is_long { ELSEWHERE } else { number };
            let extra = if is_long { 28 } else { 0 };
            put(
                &mut directory,
                &[
                    (CENTRAL_HEADER.into(), 4),
                    (20, 2),
                    (20, 2),
                    (8, 2),
                    (8, 2),
                    (0, 4),
                    (crc.sum().into(), 4),
                    (told(packed), 4),
                    (told(size), 4),
                    (name_length, 2),
                    (extra, 2),
                    (0, 2),
                    (0, 2),
                    (0, 2),
                    (0, 4),
                    (told(header), 4),
                ],
            );
            directory.extend_from_slice(name.as_bytes());
            if is_long {
                put(
                    &mut directory,
                    &[(1, 2), (24, 2), (size, 8), (packed, 8), (header, 8)],
                );
            }
        }
        let (start, size) = (out.len() as u64, directory.len() as u64);
        out.extend_from_slice(&directory);
        put(
            &mut out,
            &[
                (END.into(), 4),
                (0, 4),
                (entries.len() as u64, 2),
                (entries.len() as u64, 2),
                (size, 4),
                (start, 4),
                (0, 2),
            ],
        );
        out
    }

    #[test]
    fn a_zip_is_read_by_its_directory() {
        let entries = [
            ("receipt_1.csv", "a,b\n1,2\n"),
            ("x/", ""),
            ("open_1.csv", ""),
        ];
        for is_long in [false, true] {
            let found = all(&zip(&entries, is_long)).unwrap();
            let expected = [
                (Some("receipt_1.csv".to_owned()), "a,b\n1,2\n".to_owned()),
                (Some("open_1.csv".to_owned()), String::new()),
            ];
            assert_eq!(found, expected);
        }
        assert!(all(&zip(&[], false)).unwrap().is_empty());
        assert!(all(b"").unwrap().is_empty());
    }

    #[test]
    fn gzip_and_plain_text_are_one_file_without_a_name() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"a,b\n").unwrap();
        let packed = encoder.finish().unwrap();
        for bytes in [packed.as_slice(), b"a,b\n"] {
            assert_eq!(all(bytes).unwrap(), [(None, "a,b\n".to_owned())]);
        }
        let twice = [packed.as_slice(), packed.as_slice()].concat();
        assert_eq!(all(&twice).unwrap()[0].1, "a,b\na,b\n");
    }

    #[test]
    fn what_is_cut_or_damaged_is_not_opened() {
        let text = "a long text that doesn't repeat itself: 1,2,3,4,5,6,7,8,9\n";
        let whole = zip(&[("receipt.csv", text)], false);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(text.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        for whole in [whole, packed] {
            for length in 4..whole.len() {
                assert!(
                    all(&whole[..length]).is_err(),
                    "{length} of {}",
                    whole.len()
                );
            }
            let mut flipped = whole.clone();
            flipped[50] ^= 1;
            assert!(all(&flipped).is_err());
        }
    }
}

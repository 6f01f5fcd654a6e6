//! Undoes `aws-chunked`: sized chunks, optional signatures, trailing checksums.

use std::collections::BTreeMap;
use std::io;

/// Longest line of a chunk header or trailer; signatures are below 200 bytes.
const LINE_MAX: usize = 1_024;

/// A decoder that takes the bytes as they come.
#[derive(Debug)]
pub(super) struct Chunked {
    stage: Stage,
    line: Vec<u8>,
    trailers: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// `size[;extension]`.
    Size,
    /// So many bytes of data left.
    Data(usize),
    /// The empty line after data.
    AfterData,
    /// `name:value` lines until an empty one.
    Trailers,
    Done,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Size,
            line: Vec::new(),
            trailers: BTreeMap::new(),
        }
    }

    /// Passes the data of these bytes to `sink`.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while !bytes.is_empty() && self.stage != Stage::Done {
            if let Stage::Data(left) = &mut self.stage {
                let (data, rest) = bytes.split_at((*left).min(bytes.len()));
                sink(data)?;
                *left -= data.len();
                bytes = rest;
                if *left == 0 {
                    self.stage = Stage::AfterData;
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.grow(bytes)?;
                return Ok(());
            };
            let (head, rest) = bytes.split_at(end);
            self.grow(head)?;
            bytes = rest.get(1..).unwrap_or_default();
            self.end_of_line()?;
        }
        Ok(())
    }

    fn grow(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.line.extend_from_slice(bytes);
        if self.line.len() > LINE_MAX {
            Err(broken("a line that does not end"))
        } else {
            Ok(())
        }
    }

    fn end_of_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line)
            .map_err(|_| broken("a line that is no text"))?
            .trim();
        self.stage = match self.stage {
            Stage::Size => {
                let size = line.split(';').next().unwrap_or_default();
                match usize::from_str_radix(size, 16).map_err(|_| broken("a chunk without size"))? {
                    0 => Stage::Trailers,
                    size => Stage::Data(size),
                }
            }
            Stage::AfterData if line.is_empty() => Stage::Size,
            Stage::AfterData | Stage::Data(_) => return Err(broken("data behind a chunk")),
            Stage::Trailers if line.is_empty() => Stage::Done,
            Stage::Trailers => {
                let (name, value) = line
                    .split_once(':')
                    .ok_or_else(|| broken("a trailer without name"))?;
                self.trailers
                    .insert(name.trim().to_lowercase(), value.trim().to_owned());
                Stage::Trailers
            }
            Stage::Done => Stage::Done,
        };
        Ok(())
    }

    /// The trailers, if the end was reached. Without trailers the last empty line may be missing.
    pub(super) fn finish(self) -> io::Result<BTreeMap<String, String>> {
        match self.stage {
            Stage::Done | Stage::Trailers => Ok(self.trailers),
            Stage::Size | Stage::Data(_) | Stage::AfterData => Err(broken("no last chunk")),
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("aws-chunked body with {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";

    fn decode(
        pieces: impl Iterator<Item = &'static [u8]>,
    ) -> io::Result<(Vec<u8>, BTreeMap<String, String>)> {
        let mut chunked = Chunked::new();
        let mut data = Vec::new();
        for piece in pieces {
            chunked.feed(piece, |bytes| {
                data.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((data, chunked.finish()?))
    }

    #[test]
    fn data_and_trailers_come_out_however_the_bytes_are_cut() {
        for size in 1..=BODY.len() {
            let (data, trailers) = decode(BODY.chunks(size)).unwrap();
            assert_eq!(data, b"hello world", "cut at {size}");
            assert_eq!(trailers["x-amz-checksum-crc32"], "DUoRhQ==");
        }
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        assert!(decode(std::iter::once(&BODY[..20])).is_err());
    }

    #[test]
    fn a_chunk_longer_than_it_says_is_an_error() {
        assert!(decode(std::iter::once(&b"2\r\nabc\r\n0\r\n\r\n"[..])).is_err());
    }
}

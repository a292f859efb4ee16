//! The floor that `cargo xtask bench sops` prints: what the `age` library alone costs, on one thread,
//! and what the disk costs. Prints milliseconds: wrapping, unwrapping, writing.
//!
//! ```sh
//! cargo run --release -p lockstep-age --example floor -- FILES RECIPIENTS FOLDER
//! ```

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use age::{Decryptor, Encryptor};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// About what an encrypted Secret for three recipients has.
const FILE: [u8; 2500] = [b'x'; 2500];
/// Flushes that wait at once: the disk serves many with one.
const WRITERS: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [files, recipients, folder] = &arguments[..] else {
        return Err("FILES RECIPIENTS FOLDER".into());
    };
    let (files, recipients): (usize, usize) = (files.parse()?, recipients.parse()?);
    let identities: Vec<Identity> = (0..recipients.max(1))
        .map(|_| Identity::generate())
        .collect();
    let recipients: Vec<Recipient> = identities.iter().map(Identity::to_public).collect();

    let start = Instant::now();
    let mut wrapped = Vec::with_capacity(files * recipients.len());
    for _ in 0..files {
        for recipient in &recipients {
            wrapped.push(wrap(recipient)?);
        }
    }
    let wrapping = start.elapsed();

    // The identity as a file has it, read once.
    let text = identities[0].to_string();
    let identity: Identity = text.expose_secret().parse()?;
    let start = Instant::now();
    for entry in wrapped.iter().step_by(recipients.len()) {
        unwrap(entry, &identity)?;
    }
    let unwrapping = start.elapsed();

    let writing = write(Path::new(folder), files)?;
    let mut stdout = std::io::stdout().lock();
    for time in [wrapping, unwrapping, writing] {
        writeln!(stdout, "{}", time.as_secs_f64() * 1e3)?;
    }
    Ok(())
}

fn wrap(recipient: &Recipient) -> Result<Vec<u8>, Box<dyn Error>> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))?;
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut plain = encryptor.wrap_output(&mut armored)?;
    plain.write_all(&[7; 32])?;
    plain.finish()?;
    Ok(armored.finish()?)
}

fn unwrap(entry: &[u8], identity: &Identity) -> Result<(), Box<dyn Error>> {
    let decryptor = Decryptor::new(ArmoredReader::new(entry))?;
    let mut plain = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?;
    let mut key = Vec::new();
    plain.read_to_end(&mut key)?;
    if key == [7; 32] {
        Ok(())
    } else {
        Err("another key".into())
    }
}

/// Writes and flushes every file, several at a time.
fn write(folder: &Path, files: usize) -> Result<Duration, Box<dyn Error>> {
    let paths: Vec<PathBuf> = (0..files)
        .map(|number| folder.join(format!("floor-{number}")))
        .collect();
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let results: Vec<std::io::Result<()>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut file = File::create(path)?;
                        file.write_all(&FILE)?;
                        file.sync_all()?;
                    }
                    Ok(())
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| {
                writer
                    .join()
                    .unwrap_or_else(|_| Err(std::io::Error::other("a writer panicked")))
            })
            .collect()
    });
    results.into_iter().collect::<std::io::Result<()>>()?;
    Ok(start.elapsed())
}

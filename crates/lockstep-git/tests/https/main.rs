//! Fetches from a real Git server over HTTPS, judged by the `git` command.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod fetches;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod packs;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod stores;

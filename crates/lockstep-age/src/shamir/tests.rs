//! Shares made by sops's own code, and ours, and what they give together.

use super::*;

/// From `Split` of sops 3.13.3: groups, threshold, and the share of each group of a secret whose byte i is
/// 7i + 3.
const SOPS: [(usize, usize, &[&str]); 3] = [
    (
        2,
        2,
        &[
            "460abea1eaae1d9c4b56bb64710264a96548ac418da207c1904b9eeae238e7c801",
            "890a5471ee2d4d7fdb6ab6381be667fd5f1edb018bfeb26edd5bf7948d39b1f402",
        ],
    ),
    (
        3,
        2,
        &[
            "5ac8001afcdc51c14dfdd23798ca73840da4303e6a237dc41d1873f53d48b8ff01",
            "b195331cc2c9d5c5d727649ed26d49a78fddf8ff5ee74664dcfd36aa28d90f9a02",
            "e857221e2133a930a198fff91df95f4ff1034949bb52a6046a57fc9fd25f62b903",
        ],
    ),
    (
        5,
        3,
        &[
            "e8946b6bd2e2fe4bb1eeb176d8bb3d6ad71f646ce0e7efaa78f0b6db36e70e5301",
            "053bc934cf1e948701953c8019d60c40473bc9c7567b974d02d4cd78bc2525a702",
            "eea5b34702da47f88b39c4a696335446e35e2c23390ae543d196c2634d0cfe2803",
            "0e300a45fbcc54669b91edadfc2afeb49ce243503a6b1c94b2dbe2a50fd141c904",
            "e5ae703636088719113d158b73cfa6b23887a6b4551a6e9a6199edbefef89a4605",
        ],
    ),
];

fn secret() -> Vec<u8> {
    (0..32).map(|i| i * 7 + 3).collect()
}

fn bytes(hex: &str) -> Zeroizing<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap());
    Zeroizing::new(bytes.collect())
}

/// Every way to take some of `shares`.
fn subsets(shares: &[Zeroizing<Vec<u8>>]) -> Vec<Vec<Zeroizing<Vec<u8>>>> {
    let taken = |mask: u32| {
        let chosen = shares
            .iter()
            .enumerate()
            .filter(|(at, _)| mask >> at & 1 == 1);
        chosen.map(|(_, share)| share.clone()).collect()
    };
    (0..1_u32 << shares.len()).map(taken).collect()
}

#[track_caller]
fn check(shares: &[Zeroizing<Vec<u8>>], threshold: usize) {
    for subset in subsets(shares) {
        let found = combine(&subset);
        let whole = found.is_some_and(|found| *found == secret());
        assert_eq!(whole, subset.len() >= threshold, "{}", subset.len());
    }
}

#[test]
fn shares_of_sops_give_its_secret() {
    for (parts, threshold, shares) in SOPS {
        let shares: Vec<_> = shares.iter().map(|share| bytes(share)).collect();
        assert_eq!(shares.len(), parts);
        check(&shares, threshold);
    }
}

/// A generator that is good enough to tell shares apart.
fn random(bytes: &mut [u8]) {
    let mut state = 1_u32;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
}

#[test]
fn any_threshold_of_shares_gives_the_secret_and_fewer_do_not() {
    for (parts, threshold) in [(2, 2), (3, 2), (3, 3), (5, 4), (8, 2)] {
        let shares = split(&secret(), parts, threshold, &mut random).unwrap();
        assert!(shares.iter().all(|share| share.len() == 33));
        let coordinates: Vec<_> = shares.iter().map(|share| usize::from(share[32])).collect();
        assert_eq!(coordinates, Vec::from_iter(1..=parts));
        check(&shares, threshold);
    }
    let many = split(&secret(), 255, 255, &mut random).unwrap();
    assert_eq!(*combine(&many).unwrap(), secret());
}

#[test]
fn what_cannot_be_split_or_combined_is_refused() {
    for (parts, threshold) in [(0, 0), (2, 1), (2, 3), (256, 2), (1, 1)] {
        assert!(split(&secret(), parts, threshold, &mut random).is_none());
    }
    let combine = |shares: &[&[u8]]| {
        let shares: Vec<_> = shares
            .iter()
            .map(|share| Zeroizing::new(share.to_vec()))
            .collect();
        combine(&shares)
    };
    assert!(combine(&[]).is_none());
    assert!(combine(&[&[1, 1]]).is_none());
    assert!(combine(&[&[1], &[2]]).is_none());
    assert!(combine(&[&[], &[]]).is_none());
    assert!(combine(&[&[1, 2, 1], &[1, 2]]).is_none());
    assert!(combine(&[&[1, 1], &[2, 1]]).is_none());
    assert!(combine(&[&[1, 0], &[2, 1]]).is_none());
}

#[test]
fn the_field_is_that_of_aes() {
    // FIPS 197, section 4.2.
    assert_eq!(multiply(0x57, 0x83), 0xc1);
    assert_eq!(multiply(0x53, 0xca), 1);
    assert_eq!(inverse(0), 0);
    for a in 1..=255 {
        assert_eq!(multiply(a, inverse(a)), 1);
    }
}

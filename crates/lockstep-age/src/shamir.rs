//! Shamir's secret sharing over GF(2⁸), in the layout of HashiCorp Vault, which sops uses for key groups.
//!
//! The field is that of AES. A share has one byte for every byte of the secret, and its x coordinate
//! behind them; the shares of n groups have 1 to n. Arithmetic on secret bytes takes the same time
//! whatever they are: it neither branches nor looks anything up by them.

use zeroize::Zeroizing;

/// Splits `secret` into `parts` shares, any `threshold` of which give it back. Fewer tell nothing, if
/// `random` comes from a cryptographic source. `None` unless 2 ≤ `threshold` ≤ `parts` ≤ 255.
pub(crate) fn split(
    secret: &[u8],
    parts: usize,
    threshold: usize,
    random: &mut dyn FnMut(&mut [u8]),
) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let last = u8::try_from(parts).ok()?;
    if threshold < 2 || threshold > parts {
        return None;
    }
    // Each byte has a polynomial of its own, whose constant term it is.
    let mut coefficients = Zeroizing::new(vec![0; secret.len() * (threshold - 1)]);
    random(&mut coefficients);
    let share = |x: u8| {
        let mut share = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        for (byte, coefficients) in secret.iter().zip(coefficients.chunks(threshold - 1)) {
            let higher = coefficients
                .iter()
                .fold(0, |sum, one| multiply(sum, x) ^ one);
            share.push(multiply(higher, x) ^ byte);
        }
        share.push(x);
        share
    };
    Some((1..=last).map(share).collect())
}

/// Puts a secret together from shares. `None` for fewer than two, for shares of different lengths or
/// none, and for two with the same coordinate. Too few shares give another secret, and nothing tells.
pub(crate) fn combine(shares: &[Zeroizing<Vec<u8>>]) -> Option<Zeroizing<Vec<u8>>> {
    let length = shares
        .first()?
        .len()
        .checked_sub(1)
        .filter(|length| *length > 0)?;
    if shares.len() < 2 || shares.iter().any(|share| share.len() != length + 1) {
        return None;
    }
    let coordinates: Vec<u8> = shares.iter().map(|share| share[length]).collect();
    let mut secret = Zeroizing::new(vec![0; length]);
    for (share, &x) in shares.iter().zip(&coordinates) {
        // The value at 0 of the polynomial that is 1 at x and 0 at the others. Coordinates are no
        // secret.
        let mut basis = 1;
        let mut twins = 0;
        for &other in &coordinates {
            if other == x {
                twins += 1;
            } else {
                basis = multiply(basis, multiply(other, inverse(other ^ x)));
            }
        }
        if twins > 1 || x == 0 {
            return None;
        }
        for (byte, y) in secret.iter_mut().zip(share.iter()) {
            *byte ^= multiply(*y, basis);
        }
    }
    Some(secret)
}

/// The product of two elements of the field, by x⁸ + x⁴ + x³ + x + 1.
fn multiply(a: u8, b: u8) -> u8 {
    let mut product = 0_u8;
    for bit in (0..8).rev() {
        let carry = (product >> 7).wrapping_neg() & 0x1b;
        product = (product << 1) ^ carry;
        product ^= (b >> bit & 1).wrapping_neg() & a;
    }
    product
}

/// The inverse of an element: its 254th power. That of 0 is 0.
fn inverse(a: u8) -> u8 {
    let mut power = 1;
    for bit in (0..8).rev() {
        power = multiply(power, power);
        // 254 is 0b1111_1110.
        if bit > 0 {
            power = multiply(power, a);
        }
    }
    power
}

#[cfg(test)]
mod tests;

//! One encrypted value: AES-256-GCM with a 32-byte nonce, and its text form
//! `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use crate::typed::TypeName;
use aes_gcm::aead::consts::U32;
use aes_gcm::{AeadInOut, AesGcm, KeyInit, Nonce, Tag, aes::Aes256};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep_secret::DataKey;
use zeroize::Zeroizing;

const PREFIX: &str = "ENC[AES256_GCM,data:";

/// A data key, ready for use.
pub(crate) struct Cipher(AesGcm<Aes256, U32>);

/// The parts of an encrypted value.
pub(crate) struct Sealed {
    data: Vec<u8>,
    nonce: [u8; 32],
    tag: [u8; 16],
    type_name: TypeName,
}

impl Sealed {
    /// Reads an encrypted value; `None` for any other text.
    ///
    /// Stricter than sops, which ignores what follows the bracket: only line breaks may follow, as
    /// they do in a block scalar. sops writes nonces of 32 bytes and tags of 16, and so must it be.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inner = text
            .trim_end_matches('\n')
            .strip_prefix(PREFIX)?
            .strip_suffix(']')?;
        let (data, rest) = inner.split_once(",iv:")?;
        let (nonce, rest) = rest.split_once(",tag:")?;
        let (tag, name) = rest.split_once(",type:")?;
        let data = STANDARD.decode(data).ok().filter(|data| !data.is_empty())?;
        let nonce = STANDARD.decode(nonce).ok()?.try_into().ok()?;
        let tag = STANDARD.decode(tag).ok()?.try_into().ok()?;
        Some(Self {
            data,
            nonce,
            tag,
            type_name: TypeName::parse(name)?,
        })
    }

    /// Whether a text starts like an encrypted value, well-formed or not.
    pub(crate) fn looks_like(text: &str) -> bool {
        text.starts_with("ENC[")
    }

    pub(crate) fn type_name(&self) -> TypeName {
        self.type_name
    }
}

impl Cipher {
    pub(crate) fn new(key: &DataKey) -> Self {
        Self(AesGcm::new(key.expose().into()))
    }

    /// Encrypts `plain`, which must not be empty, for the place that `additional` names.
    pub(crate) fn seal(
        &self,
        mut plain: Zeroizing<Vec<u8>>,
        type_name: TypeName,
        additional: &str,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> String {
        let mut nonce = [0; 32];
        random(&mut nonce);
        let tag = self
            .0
            .encrypt_inout_detached(
                &Nonce::from(nonce),
                additional.as_bytes(),
                plain.as_mut_slice().into(),
            )
            .expect("this holds because GCM takes 64 GiB and files are far smaller");
        format!(
            "{PREFIX}{},iv:{},tag:{},type:{}]",
            STANDARD.encode(&*plain),
            STANDARD.encode(nonce),
            STANDARD.encode(tag),
            type_name.as_str()
        )
    }

    /// Decrypts a value at the place that `additional` names; `None` when key, place or bytes differ
    /// from those it was made with.
    pub(crate) fn open(&self, sealed: &Sealed, additional: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut plain = Zeroizing::new(sealed.data.clone());
        self.0
            .decrypt_inout_detached(
                &Nonce::from(sealed.nonce),
                additional.as_bytes(),
                plain.as_mut_slice().into(),
                &Tag::from(sealed.tag),
            )
            .ok()?;
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher() -> Cipher {
        Cipher::new(&DataKey::generate(&mut |bytes| bytes.fill(b'f')))
    }

    fn sealed() -> String {
        let plain = Zeroizing::new(b"hunter2".to_vec());
        cipher().seal(plain, TypeName::Str, "a:b:", &mut |bytes| bytes.fill(9))
    }

    #[test]
    fn a_value_opens_at_its_place_only() {
        let value = Sealed::parse(&sealed()).unwrap();
        assert_eq!(
            cipher().open(&value, "a:b:").unwrap().as_slice(),
            b"hunter2"
        );
        assert!(cipher().open(&value, "a:c:").is_none());
        let other = Cipher::new(&DataKey::generate(&mut |bytes| bytes.fill(b'g')));
        assert!(other.open(&value, "a:b:").is_none());
    }

    #[test]
    fn only_the_exact_form_is_read() {
        let good = sealed();
        assert!(Sealed::parse(&format!("{good}\n")).is_some());
        for bad in [
            format!("{good} "),
            format!("{good}x"),
            format!(" {good}"),
            format!("{good}{good}"),
            good.replace("type:str", "type:blob"),
            good.replace("AES256_GCM", "AES128_GCM"),
            good.replace("tag:", "tag:AAAA"),
            good.replace("iv:", "iv:AAAA"),
            good.replace("data:", "data:="),
            good.replace(",tag:", ",tag:,tag:"),
            "ENC[AES256_GCM,data:,iv:,tag:,type:str]".to_owned(),
        ] {
            assert!(Sealed::parse(&bad).is_none(), "{bad}");
        }
    }
}

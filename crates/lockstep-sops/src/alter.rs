//! Changes one value of a decrypted text, in the style the text has there, and leaves every other byte
//! as it was.
//!
//! What was changed is read again: the result is taken only if it says what was asked for and the
//! same as before everywhere else.

mod spell;
mod splice;

use crate::error::AlterError;
use crate::place::{KeyPath, Step};
use crate::reseal::{same, value};
use crate::selector::Selector;
use crate::survey::{Keys, METADATA_KEY, Survey};
use crate::typed::Typed;
use lockstep_secret::SecretString;
use lockstep_yaml::Stream;
use splice::Editor;

/// A value that is to be put into a document.
#[derive(Debug)]
pub enum NewValue {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(SecretString),
    /// Elements in order.
    List(Vec<Self>),
    /// Entries in order; keys are unique.
    Map(Vec<(String, Self)>),
}

/// A text with a change in it.
#[derive(Debug)]
pub struct Altered {
    /// The text.
    pub text: SecretString,
    /// Whether it says anything else than before.
    pub change: Altering,
}

/// Whether a change changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Altering {
    /// It does.
    Something,
    /// The value was there already.
    Nothing,
}

/// What is done with a place.
enum Change {
    Set(NewValue),
    Unset,
}

/// Puts `value` at `path` in the first document of `text`. Mappings and lists that are missing on the
/// way are made; a list position behind the last appends.
pub(crate) fn set(
    text: &SecretString,
    path: &KeyPath,
    value: NewValue,
) -> Result<Altered, AlterError> {
    alter(text, path, Change::Set(value))
}

/// Takes out what stands at `path` in the first document of `text`.
pub(crate) fn unset(text: &SecretString, path: &KeyPath) -> Result<Altered, AlterError> {
    alter(text, path, Change::Unset)
}

fn alter(text: &SecretString, path: &KeyPath, change: Change) -> Result<Altered, AlterError> {
    if path.0.is_empty() {
        return Err(AlterError::NoPath);
    }
    if matches!(&path.0[0], Step::Key(key) if key == METADATA_KEY) {
        return Err(AlterError::Reserved);
    }
    let before = Contents::of(text.expose())?;
    let mut path = path.clone();
    let editor = Editor::new(text.expose(), &before.stream);
    let (altered, wanted) = match change {
        Change::Set(value) => {
            let wanted = spell::leaves(&value);
            (editor.set(&mut path, value)?, Some(wanted))
        }
        Change::Unset => (editor.unset(&path)?, None),
    };
    let text = SecretString::new(altered);
    let after = Contents::of(text.expose()).map_err(|_| AlterError::Shape(path.clone()))?;
    let (rest_before, was) = before.split(Some(&path))?;
    let Some(wanted) = wanted else {
        // What follows an element that is gone takes its place.
        let (rest_after, _) = after.split(None)?;
        return if rest_before == rest_after {
            let change = Altering::Something;
            Ok(Altered { text, change })
        } else {
            Err(AlterError::Shape(path))
        };
    };
    let (rest_after, is) = after.split(Some(&path))?;
    if rest_before != rest_after || is != wanted {
        return Err(AlterError::Shape(path));
    }
    let change = if was == is {
        Altering::Nothing
    } else {
        Altering::Something
    };
    Ok(Altered { text, change })
}

/// A text and what stands where in it.
struct Contents {
    stream: Stream,
    survey: Survey,
}

/// A value below some place: the keys that lead from there to it, and what it is.
#[derive(PartialEq)]
pub(crate) struct Below {
    /// With list positions.
    pub(crate) steps: Vec<Step>,
    pub(crate) value: Same,
}

/// A value, compared as SOPS does.
pub(crate) struct Same(pub(crate) Typed);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Contents {
    fn of(text: &str) -> Result<Self, AlterError> {
        let stream = Stream::parse(text).map_err(AlterError::Yaml)?;
        let survey = Survey::of(&stream, &Selector::default(), Keys::Strings)?;
        Ok(Self { stream, survey })
    }

    /// Every value outside `path`, without list positions, and those below it.
    fn split(&self, path: Option<&KeyPath>) -> Result<(Vec<Below>, Vec<Below>), AlterError> {
        let (mut outside, mut inside) = (Vec::new(), Vec::new());
        for (index, leaf) in self.survey.leaves.iter().enumerate() {
            let place = self.survey.place(&self.stream, leaf);
            let value = Same(value(&self.stream, &self.survey, index)?);
            let below = path.filter(|_| place.document == 1);
            let below = below.and_then(|path| place.path.0.strip_prefix(path.0.as_slice()));
            match below.map(<[Step]>::to_vec) {
                Some(steps) => inside.push(Below { steps, value }),
                None if is_empty(&value) => {}
                None => outside.push(Below {
                    steps: without_positions(place.path.0),
                    value,
                }),
            }
        }
        Ok((outside, inside))
    }
}

/// Nulls come and go with the mappings that are made.
fn is_empty(value: &Same) -> bool {
    matches!(value.0, Typed::Null)
}

fn without_positions(mut steps: Vec<Step>) -> Vec<Step> {
    steps.retain(|step| matches!(step, Step::Key(_)));
    steps
}

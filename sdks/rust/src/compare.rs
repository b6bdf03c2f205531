//! What came against what a step expects, and what earlier steps kept.
use crate::{Failure, Saved};
use serde_json::Value;

/// The value with what was saved in the place of `$name`.
pub fn resolved(value: &Value, saved: &Saved) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => saved.get(name).cloned().unwrap_or_default(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| resolved(item, saved)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, inner)| (name.clone(), resolved(inner, saved))).collect())
        }
        _ => value.clone(),
    }
}

/// The part at a path such as `Results.0.MeteringRecordId`.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |part, key| match key.parse::<usize>() {
        Ok(index) => part.get(index),
        Err(_) => part.get(key),
    })
}

/// See "A call" in the README of the folder above for what `expected` may hold.
pub fn matches(got: Option<&Value>, expected: &Value, saved: &Saved, path: &str) -> Result<(), Failure> {
    let wrong = |what: String| {
        let place = if path.is_empty() { "the answer" } else { path };
        Err(format!("expected {place} to be {what}, got {}", got.unwrap_or(&Value::Null)))
    };
    match resolved(expected, saved) {
        Value::Null if got.is_some() => wrong("absent".into()),
        Value::Null => Ok(()),
        Value::String(text) if text == "*" => match got {
            None | Some(Value::Null) => wrong("there".into()),
            Some(Value::String(empty)) if empty.is_empty() => wrong("there".into()),
            Some(_) => Ok(()),
        },
        Value::Array(items) => {
            let list = got.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if list.len() != items.len() {
                return wrong(format!("a list of {}", items.len()));
            }
            for (index, (item, inner)) in list.iter().zip(&items).enumerate() {
                matches(Some(item), inner, saved, &below(path, &index.to_string()))?;
            }
            Ok(())
        }
        Value::Object(members) => {
            for (name, inner) in &members {
                matches(got.and_then(|object| object.get(name)), inner, saved, &below(path, name))?;
            }
            Ok(())
        }
        want if got == Some(&want) => Ok(()),
        want => wrong(want.to_string()),
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

use super::*;
use crate::list::Span;

const SOURCE: &str = "\
const LIMIT: u32 = 1 << 4;

const fn least(a: u32, b: u32) -> u32 {
    if a < b && !is_off() { a } else { b }
}

fn name(number: u32) -> &'static str {
    match number {
        0 => \"none\",
        one if one == 1 => \"one\",
        _ => \"many\",
    }
}

fn late(of: Option<u32>) -> bool {
    if let Some(of) = of && of > 3 { true } else { false }
}
";

/// A change of the first text like this one.
fn mutant(genre: Genre, text: &str, replacement: &str) -> Mutant {
    let at = SOURCE.find(text).unwrap();
    let place = |byte: usize| {
        let before = &SOURCE[..byte];
        let line = before.matches('\n').count() + 1;
        Place { line, column: byte - before.rfind('\n').map_or(0, |end| end + 1) + 1 }
    };
    Mutant {
        name: text.to_owned(),
        file: "a.rs".to_owned(),
        genre,
        span: Span { start: place(at), end: place(at + text.len()) },
        replacement: replacement.to_owned(),
    }
}

fn planted(mutants: &[Mutant]) -> Planted {
    let numbered: Vec<_> = mutants.iter().enumerate().map(|(number, mutant)| (number + 1, mutant)).collect();
    plant(SOURCE, &numbered, "is").unwrap()
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_change_has_a_switch_and_is_valid_rust() {
    let planted = planted(&[
        mutant(Genre::BinaryOperator, "<", "<="),
        mutant(Genre::BinaryOperator, "&&", "||"),
        mutant(Genre::UnaryOperator, "!", ""),
        mutant(Genre::FnValue, "if a < b && !is_off() { a } else { b }", "0"),
    ]);
    // The first `<` is that of a constant.
    assert_eq!(planted.constant, [1]);
    let text = without_space(&planted.text);
    let inner = "a < b && ( if is(3) { is_off() } else { !is_off() })";
    let body =
        format!("{{ if is(4) {{ return 0; }} if ( if is(2) {{ a < b || !is_off() }} else {{ {inner} }}) {{ a }}");
    assert!(text.contains(&body), "{text}");
    assert!(syn::parse_file(&planted.text).is_ok());
}

#[test]
fn arms_and_guards_share_a_condition() {
    let planted = planted(&[
        mutant(Genre::MatchArm, "0 => \"none\"", ""),
        mutant(Genre::MatchArm, "one if one == 1 => \"one\"", ""),
        mutant(Genre::MatchArmGuard, "one == 1", "true"),
        mutant(Genre::MatchArmGuard, "one == 1", "false"),
        mutant(Genre::BinaryOperator, "== 1", "!="),
    ]);
    let text = without_space(&planted.text);
    assert!(text.contains("0 if !is(1) => \"none\""), "{text}");
    assert!(
        text.contains("one if !is(2) && ( is(3) || !is(4) && (( if is(5) { one != } else { one == 1 })))"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_changed_is_told() {
    let planted = planted(&[mutant(Genre::BinaryOperator, "&& of > 3", "||")]);
    assert_eq!((planted.invalid, &*planted.text), (vec![1], SOURCE));
}

#[test]
fn a_line_leads_to_its_mutant() {
    let planted = planted(&[mutant(Genre::UnaryOperator, "!", "")]);
    let (lines, number) = &planted.lines[0];
    assert_eq!((lines.len(), *number), (1, 1));
    assert!(planted.text.lines().nth(lines.start - 1).unwrap().contains("is(1)"), "{}", planted.text);
}

//! Faults as Jackson tells them, bounds, and values as typed.

use super::*;

fn fault(text: &str) -> String {
    let mut reader = Reader::new(text.as_bytes());
    loop {
        match reader.next() {
            Ok(Token::End) => return String::new(),
            Ok(_) => {}
            Err(fault) => return fault.replace(SOURCE, "@").replace("\n at ", " "),
        }
    }
}

#[test]
fn faults_are_told_as_jackson_tells_them() {
    // Recorded from Kafka Connect 4.3.1.
    for (text, expected) in [
        (r#"{"a":"#, "Unexpected end-of-input within/between Object entries @1, column: 6]"),
        (
            r#"{"a" 1}"#,
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value @1, column: 6]",
        ),
        (
            r#"{"a": NaN}"#,
            "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow @1, column: 10]",
        ),
        (
            "{",
            "Unexpected end-of-input: expected close marker for Object (start marker at @1, column: 1]) @1, column: 2]",
        ),
        (
            r#"{"a":1,}"#,
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name @1, column: 8]",
        ),
        (
            "{'a':1}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name @1, column: 2]",
        ),
        (
            r#"{"a":tru}"#,
            "Unrecognized token 'tru': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 6]",
        ),
        (r#"{"a":01}"#, "Invalid numeric value: Leading zeroes not allowed @1, column: 7]"),
        (
            r#"{"a":1.}"#,
            "Unexpected character ('}' (code 125)) in numeric value: Decimal point not followed by a digit @1, column: 8]",
        ),
        (
            r#"{"a":-}"#,
            "Unexpected character ('}' (code 125)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value @1, column: 7]",
        ),
        (
            r#"{"a":+1}"#,
            "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow @1, column: 7]",
        ),
        (r#"{"a":"x"#, "Unexpected end-of-input in VALUE_STRING @1, column: 8]"),
        (r#"{"a":"\q"}"#, "Unrecognized character escape 'q' (code 113) @1, column: 8]"),
        (
            r#"{"a":"\u12x4"}"#,
            "Unexpected character ('x' (code 120)): expected a hex-digit for character escape sequence @1, column: 11]",
        ),
        (
            "{\"a\":\"x\ny\"}",
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value @1, column: 8]",
        ),
        (r#"{"a""#, "Unexpected end-of-input within/between Object entries @1, column: 5]"),
        (r#"{"a"#, "Unexpected end-of-input in field name @1, column: 4]"),
        (
            r#"{"a":1"#,
            "Unexpected end-of-input: expected close marker for Object (start marker at @1, column: 1]) @1, column: 7]",
        ),
        (
            r#"{"a":1 "b":2}"#,
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries @1, column: 8]",
        ),
        (
            r#"{"a":1]"#,
            "Unexpected close marker ']': expected '}' (for Object starting at @1, column: 1]) @1, column: 7]",
        ),
        ("]", "Unexpected close marker ']': no open Array to close @1, column: 1]"),
        ("}", "Unexpected close marker '}': no open Object to close @1, column: 1]"),
        (
            "# c",
            "Unexpected character ('#' (code 35)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 1]",
        ),
        (
            "{} trailing",
            "Unrecognized token 'trailing': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false') @1, column: 4]",
        ),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_no_characters_are_told_with_their_place() {
    let told = |bytes: &[u8]| {
        let mut reader = Reader::new(bytes);
        let fault = loop {
            match reader.next() {
                Ok(Token::End) => break String::new(),
                Ok(_) => {}
                Err(fault) => break fault,
            }
        };
        fault.replace(SOURCE, "@").replace("\n at ", " ")
    };
    assert_eq!(told(b"{\"a\":\"\xff\"}"), "Invalid UTF-8 start byte 0xff @1, column: 8]");
    assert_eq!(told(b"{\"a\":\"\xc3\"}"), "Invalid UTF-8 middle byte 0x22 @1, column: 9]");
    assert!(told(b"{\"a\":\"\xe2\x82").starts_with("Unexpected end-of-input"));
    assert_eq!(told(b"\xef\xbb\xbf{}"), "", "a mark in front is none of the document");
}

#[test]
fn depth_names_and_numbers_are_bounded() {
    assert!(fault(&"[".repeat(100_000)).starts_with("Document nesting depth (1001) exceeds"));
    assert!(fault(&format!("{{\"{}\":1}}", "x".repeat(60_000))).starts_with("Name length (60000) exceeds"));
    assert!(fault(&"1".repeat(2000)).starts_with("Number value length (2000) exceeds"));
}

#[test]
fn values_come_as_they_are_typed() {
    let mut reader = Reader::new(r#" {"a":[1.50,-1e5,true,null],"\u00e9\ud83d\ude00":"\n"} "#.as_bytes());
    let mut tokens = Vec::new();
    while let Ok(token) = reader.next() {
        if token == Token::End {
            break;
        }
        tokens.push(token);
    }
    let expected = [
        Token::ObjectStart,
        Token::Name("a".into()),
        Token::ArrayStart,
        Token::Float("1.50".into()),
        Token::Float("-1e5".into()),
        Token::Bool(true),
        Token::Null,
        Token::ArrayEnd,
        Token::Name("é😀".into()),
        Token::Text("\n".into()),
        Token::ObjectEnd,
    ];
    assert_eq!(tokens, expected);
}

//! Tests of what the schema as a whole does not show.

use expect_test::expect;

use super::prose::prose;

#[test]
fn doc_comments_become_prose() {
    let doc = "The [`Template`](crate::format::Template) of a line, as\n[`Settings`] has it.\n\n```\nuse \
               mongowatch::Settings;\n```\n\nIn YAML [a page](https://example.org):\n\n```yaml\n- mask: \
               [Filter]\n```\n\n- one\n- two `[..]`,\n  and [more]\n\n[`Settings`]: crate::Settings";
    expect![[r#"
        The `Template` of a line, as `Settings` has it.

        In YAML [a page](https://example.org):

        ```yaml
        - mask: [Filter]
        ```

        - one
        - two `[..]`, and [more]"#]]
    .assert_eq(&prose(doc));
}

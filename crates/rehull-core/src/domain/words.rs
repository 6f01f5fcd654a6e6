//! The words of an enum's variants, from one list: whoever adds a variant and gives it no word does not compile.

/// `name()` and `NAMES` of an enum. What a variant holds is of no interest to its word.
macro_rules! words {
    ($enum:ident, $about:literal: $($variant:ident => $word:literal,)+) => {
        impl $enum {
            /// Every word of [`Self::name`].
            pub const NAMES: [&str; [$($word),+].len()] = [$($word),+];

            #[doc = $about]
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $word,)+
                }
            }
        }
    };
}

pub(crate) use words;

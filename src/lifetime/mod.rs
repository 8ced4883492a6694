//! What a customer is worth: recency, frequency and money; how many purchases are to come; what each brings.
//!
//! [`Purchases`] summarises a customer's orders. [`BgNbd`] says from these how likely a customer is still one and how
//! many purchases to expect, [`GammaGamma`] what a purchase is worth, and [`customer_value`] what both are worth today.
//! [`quantile_scores`] is the classical scoring without a model.
//!
//! The models hold for customers who buy when they please (not for subscriptions), and forecast totals to about 15 %.
//! What is spent must not hang together with how often: check [`GammaGamma::correlation`].

mod bg_nbd;
mod fit;
mod gamma_gamma;
mod rfm;
mod value;

pub use bg_nbd::BgNbd;
pub use gamma_gamma::GammaGamma;
pub use rfm::{Purchases, quantile_scores};
pub use value::{Discount, customer_value};

#[cfg(test)]
mod tests;

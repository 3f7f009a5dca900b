//! `DescribeClientQuotas` (48): how much clients may send and receive (KIP-546).

use crate::codec::message::message;
use crate::error_code::ErrorCode;

message! {
    /// Asks for the quotas of who matches all of this.
    struct DescribeClientQuotasRequest {
        components: Vec<ComponentData>;
        /// Whether who has further kinds of names does not match.
        strict: bool;
    }

    /// One kind of name.
    struct ComponentData {
        /// `user`, `client-id` or `ip`.
        entity_type: String;
        /// 0: this name; 1: the default; 2: any.
        match_type: i8;
        r#match: Option<String> = Some(String::new());
    }

    /// The quotas.
    struct DescribeClientQuotasResponse {
        /// Milliseconds that the client shall wait: 0, as there are no quotas.
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<String> = Some(String::new());
        /// Null beside an error.
        entries: Option<Vec<QuotaEntry>> = Some(Vec::new());
    }

    /// What one entity may do.
    struct QuotaEntry {
        entity: Vec<QuotaEntity>;
        values: Vec<QuotaValue>;
    }

    /// One kind of name that it has.
    struct QuotaEntity {
        entity_type: String;
        /// Null: the default.
        entity_name: Option<String> = Some(String::new());
    }

    /// One bound.
    struct QuotaValue {
        key: String;
        value: f64;
    }
}

//! The rest of Monite's public API, which the sandbox does not imitate: one table, a refusal that nobody can mistake
//! for Monite's, and the page `docs/not-imitated.md`.

use http::StatusCode;
use serde_json::{Value, json};

use super::reply::Reply;

/// A path, with everything below it.
#[derive(Debug)]
pub(crate) struct NotImitated {
    /// Under `/v1`; `{...}` stands for an id.
    path: &'static str,
    /// What Monite does there.
    about: &'static str,
}

/// The row that a path under `/v1` belongs to.
pub(super) fn find(path: &str) -> Option<&'static NotImitated> {
    TABLE.iter().find(|row| row.covers(path))
}

impl NotImitated {
    fn covers(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        self.path.split('/').all(|expected| match segments.next() {
            Some(segment) if expected.starts_with('{') => !segment.is_empty(),
            segment => segment == Some(expected),
        })
    }

    /// Says in Monite's envelope that this is not Monite speaking.
    pub(super) fn refuse(&self) -> Reply {
        let message = format!(
            "This sandbox does not imitate {} ({}). Everything it leaves out is listed at /_sandbox/not-imitated and in \
             docs/not-imitated.md.",
            self.path, self.about
        );
        Reply::error(StatusCode::NOT_IMPLEMENTED, &message)
    }
}

/// As `GET /_sandbox/not-imitated` shows it.
pub(crate) fn to_json() -> Value {
    let row = |row: &NotImitated| json!({"path": row.path, "about": row.about});
    json!({"status": 501, "not_imitated": TABLE.iter().map(row).collect::<Vec<_>>()})
}

const fn row(path: &'static str, about: &'static str) -> NotImitated {
    NotImitated { path, about }
}

/// In alphabetical order.
static TABLE: [NotImitated; 62] = [
    row("/accounting", "bills and invoices read from an accounting system"),
    row("/accounting_connections", "connections to accounting systems"),
    row("/accounting_cost_centers", "cost centers of an accounting system"),
    row("/accounting_synced_records", "what was synchronized with an accounting system"),
    row("/accounting_tax_rates", "tax rates of an accounting system"),
    row("/analytics", "statistics of payables, receivables and credit notes"),
    row("/approval_policies", "rules who approves what"),
    row("/approval_requests", "requests for approval"),
    row("/bank_accounts", "bank accounts of an entity"),
    row("/comments", "comments on payables"),
    row("/counterparts", "vendors and customers of an entity"),
    row("/custom_vat_rates", "VAT rates an entity defines itself"),
    row("/data_exports", "exports of documents"),
    row("/delivery_notes", "delivery notes"),
    row("/document_templates", "templates of PDF documents"),
    row("/einvoice_search", "participants of e-invoicing networks"),
    row("/einvoicing_connections", "connections to e-invoicing networks"),
    row("/entities/{entity_id}/bank_accounts", "bank accounts, by their older path"),
    row("/entities/{entity_id}/documents", "documents for onboarding"),
    row("/entities/{entity_id}/logo", "the entity's logo: an upload, outside of the JSON API"),
    row("/entities/{entity_id}/onboarding_data", "data for onboarding to payments"),
    row("/entities/{entity_id}/onboarding_requirements", "what onboarding still needs"),
    row("/entities/{entity_id}/payment_methods", "payment methods an entity accepts or uses"),
    row("/entities/{entity_id}/persons", "people behind an entity, by their older path"),
    row("/entities/{entity_id}/settings/next_document_numbers", "the counters of document numbers"),
    row("/entities/{entity_id}/vat_ids", "VAT ids of an entity"),
    row("/files", "uploaded files"),
    row("/financing_invoices", "invoices offered for financing"),
    row("/financing_offers", "offers of financing"),
    row("/financing_tokens", "tokens for a financing provider"),
    row("/frontend", "what Monite's own screens ask for"),
    row("/internal", "what Monite's own screens ask for, such as /internal/currencies"),
    row("/ledger_accounts", "ledger accounts of an accounting system"),
    row("/mail_templates", "templates of e-mails"),
    row("/mailbox_domains", "domains of mailboxes"),
    row("/mailboxes", "mailboxes that receive bills"),
    row("/measure_units", "units of products"),
    row("/ocr_tasks", "text recognition in documents"),
    row("/onboarding_documents", "documents for onboarding to payments"),
    row("/onboarding_links", "links to onboarding screens"),
    row("/onboarding_requirements", "what onboarding still needs"),
    row("/overdue_reminders", "reminders after the due date"),
    row("/payable_credit_notes", "credit notes of vendors"),
    row("/payable_purchase_orders", "purchase orders"),
    row("/payables", "bills to pay"),
    row("/payment_intents", "payments on their way"),
    row("/payment_links", "links to payment pages"),
    row("/payment_records", "payments made"),
    row("/payment_reminders", "reminders before the due date"),
    row("/payment_terms", "payment terms"),
    row("/persons", "people behind an entity"),
    row("/products", "products and services an entity sells"),
    row("/projects", "projects documents belong to"),
    row("/receipts", "receipts"),
    row("/receivables", "invoices, quotes and credit notes to send"),
    row("/recurrences", "recurring invoices"),
    row("/tags", "tags on documents"),
    row("/text_templates", "templates of texts in documents"),
    row("/todo_tasks", "tasks of entity users"),
    row("/transactions", "bank and card transactions"),
    row("/vat_rates", "VAT rates"),
    row("/workflows", "workflows"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The page, as the table says it.
    fn page() -> String {
        let mut page = String::from(
            "# What the sandbox does not imitate\n\n\
             The sandbox imitates Monite's API for access tokens, entities, settings, partner metadata, roles, entity \
             users, webhooks and events.\n\
             The rest of Monite's public API answers **501** with a sentence in Monite's error envelope, so that nobody \
             mistakes it for Monite:\n\
             these paths under `/v1` and everything below them, whatever the method. A path that Monite does not have \
             either answers 404.\n\
             A running sandbox shows the same list at `GET /_sandbox/not-imitated`.\n\n\
             | path | what Monite does there |\n|---|---|\n",
        );
        for row in &TABLE {
            page.push_str(&format!("| `{}` | {} |\n", row.path, row.about));
        }
        page
    }

    #[test]
    fn the_page_is_the_table() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/not-imitated.md");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        if kept != page() {
            std::fs::write(&file, page()).unwrap();
            panic!("docs/not-imitated.md was not what the table says; it is now, so look at it and commit it");
        }
    }

    #[test]
    fn a_row_covers_its_path_and_everything_below() {
        let cases = [
            ("/payables", true),
            ("/payables/1/line_items", true),
            ("/internal/currencies", true),
            ("/entities/1/logo", true),
            ("/entities/1/vat_ids/2", true),
            ("/entities//logo", false),
            ("/entities/1", false),
            ("/entities/1/settings", false),
            ("/payablesque", false),
            ("/nowhere", false),
            ("/", false),
            ("", false),
        ];
        for (path, covered) in cases {
            assert_eq!(find(path).is_some(), covered, "{path}");
        }
        assert!(TABLE.is_sorted_by_key(|row| row.path));
    }
}

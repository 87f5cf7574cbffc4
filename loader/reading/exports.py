"""Column names of well-known shop exports, proposed as --map options if a column is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Export:
    """A program's export of orders, one row per order line.

    Attributes
    ----------
    name : for messages.
    marks : columns that identify it.
    columns : hmrec's column to the export's names; the first one that the file has is used.
    advice : other required steps, as a sentence; empty if there are none.
    """

    name: str
    marks: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    advice: str = ""


EXPORTS = (
    Export(
        "UCI's Online Retail",
        ("StockCode", "InvoiceDate", "Customer ID"),
        {
            "t_dat": ("InvoiceDate",),
            "customer_id": ("Customer ID",),
            "article_id": ("StockCode",),
            "price": ("UnitPrice", "Price"),
        },
        "Add --leave-out-articles POST,DOT,C2,M,D,S,CRUK,PADS,AMAZONFEE,'BANK CHARGES' for its service lines.",
    ),
    Export(
        "Instacart's order_products",
        ("order_id", "product_id", "add_to_cart_order"),
        {"customer_id": ("user_id",), "article_id": ("product_id",)},
        "Instacart's orders have no dates, and their customers are in orders.csv: join the two by order_id, add a "
        "column t_dat (order_number and days_since_prior_order count the days), and map user_id=customer_id and "
        "product_id=article_id.",
    ),
    Export(
        "Instacart's orders",
        ("order_id", "user_id", "order_number", "order_dow"),
        {"customer_id": ("user_id",), "article_id": ("product_id",)},
        "Instacart's orders have no dates, and their articles are in order_products: join the two by order_id, add a "
        "column t_dat (order_number and days_since_prior_order count the days), and map user_id=customer_id and "
        "product_id=article_id.",
    ),
    Export(
        "Shopify's orders",
        ("Lineitem name", "Lineitem quantity", "Created at"),
        {
            "t_dat": ("Created at", "Paid at"),
            "customer_id": ("Email", "Customer ID"),
            "article_id": ("Lineitem sku", "Lineitem name"),
            "price": ("Lineitem price",),
            "quantity": ("Lineitem quantity",),
        },
    ),
    Export(
        "WooCommerce's order products (wc_order_product_lookup)",
        ("order_item_id", "product_id", "date_created", "product_qty"),
        {
            "t_dat": ("date_created",),
            "customer_id": ("customer_id",),
            "article_id": ("product_id",),
            "price": ("product_net_revenue",),
            "quantity": ("product_qty",),
        },
    ),
    Export(
        "WooCommerce's order export",
        ("Order Date", "Item Name", "Item Cost"),
        {
            "t_dat": ("Order Date",),
            "customer_id": ("Email (Billing)", "Customer User ID", "Billing Email"),
            "article_id": ("SKU", "Product Id", "Item Name"),
            "price": ("Item Cost",),
            "quantity": ("Quantity (- Refund)", "Quantity"),
        },
    ),
    Export(
        "WooCommerce's order export",
        ("order_date", "billing_email", "item_name"),
        {
            "t_dat": ("order_date",),
            "customer_id": ("customer_id", "customer_user", "billing_email"),
            "article_id": ("item_sku", "item_product_id", "item_name"),
            "price": ("item_price", "item_total"),
            "quantity": ("item_quantity",),
        },
    ),
    Export(
        "Google Analytics 4's items",
        ("event_date", "user_pseudo_id"),
        {
            "t_dat": ("event_date",),
            "customer_id": ("user_pseudo_id",),
            "article_id": ("item_id", "items.item_id", "items_item_id", "item_name", "items.item_name"),
            "price": ("price", "items.price", "items_price", "price_in_usd"),
            "quantity": ("quantity", "items.quantity", "items_quantity"),
        },
        "Export the items of purchase events only: views are not purchases.",
    ),
    Export(
        "Google Analytics 4's items",
        ("Item ID", "Date", "Items purchased"),
        {
            "t_dat": ("Date",),
            "customer_id": ("Effective user ID", "User ID", "Transaction ID"),
            "article_id": ("Item ID",),
            "price": ("Item revenue",),
            "quantity": ("Items purchased",),
        },
    ),
)

# Common names of the columns in other files, the most specific first.
GUESSES: dict[str, tuple[str, ...]] = {
    "t_dat": ("order_date", "purchase_date", "transaction_date", "invoice_date", "date", "created_at", "timestamp"),
    "customer_id": ("customer", "user_id", "client_id", "household_id", "household_key", "visitor_id", "email", "user"),
    "article_id": ("product_id", "item_id", "sku", "stock_code", "product_code", "material", "asin", "article", "item"),
    "price": ("unit_price", "item_price", "sales_value", "amount"),
    "quantity": ("qty", "units", "count"),
}  # fmt: skip

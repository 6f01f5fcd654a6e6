provider "aws" {
  region = var.region

  # Credentials of another account are refused before anything is planned.
  allowed_account_ids = [var.account_id]
}

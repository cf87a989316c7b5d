"""What a party to an exchange is, in the terms that engine, scenarios, evidence and judgement share."""

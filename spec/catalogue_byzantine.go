package spec

// With n processes of which f lie, n > 3f; correct is who neither crashes nor lies.
var byzantineRequirements = []Requirement{
	{
		ID: "BYZ-CONSISTENCY", Title: "One id, one content",
		Statement: "No two correct processes deliver different contents under the same message id, whatever its sender does.",
		Source:    "CGR11, Byzantine consistent broadcast: consistency",
		Family:    Byzantine, Classes: []Class{Safety},
		Needs: []Field{HasSum}, NeedsKinds: []Kind{Deliver},
		Antecedent: "a message of a lying sender delivered by two correct processes, or sent by it in two versions",
		Test:       "the digests that correct processes deliver under one id are compared",
		Since:      "1.0",
	},
	{
		ID: "BYZ-TOTALITY", Title: "One delivers, all deliver",
		Statement: "If one correct process delivers a message, also one of a lying sender, every correct process delivers a message with that id.",
		Source:    "CGR11, Byzantine reliable broadcast: totality",
		Family:    Byzantine, Classes: []Class{Liveness},
		NeedsKinds: []Kind{Deliver},
		Antecedent: "a message of a lying sender delivered by a correct process",
		Test:       "in a settled run the ids delivered by each correct process are compared",
		Since:      "1.0",
	},
	{
		ID: "BYZ-VALIDITY", Title: "Liars cannot silence the correct",
		Statement: "A message sent by a correct process is delivered by every correct process, whatever the liars do.",
		Source:    "CGR11, Byzantine reliable broadcast: validity",
		Family:    Byzantine, Classes: []Class{Liveness},
		NeedsKinds: []Kind{Send},
		Antecedent: "a send of a correct process while some process lied",
		Test:       "in a settled run every send of a correct process is looked up at every correct member",
		Since:      "1.0",
	},
}

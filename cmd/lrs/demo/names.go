package demo

// Names from many places, as a hospital's are. ASCII, because addresses are made of them.
var (
	firstNames = []string{
		"Aisha", "Alan", "Amara", "Ana", "Anna", "Arjun", "Ben", "Carla", "Chen", "Clara", "Daniel", "David", "Deniz",
		"Elena", "Elif", "Emma", "Eva", "Farid", "Fatima", "Grace", "Hana", "Hugo", "Ines", "Ivan", "James", "Jana", "Joao",
		"Jonas", "Julia", "Kofi", "Lara", "Laura", "Leila", "Lena", "Li", "Liam", "Lucia", "Marco", "Maria", "Marta",
		"Maya", "Mei", "Miguel", "Mina", "Nadia", "Nina", "Noah", "Nora", "Olga", "Omar", "Pablo", "Paul", "Petra", "Priya",
		"Rosa", "Ruth", "Sam", "Sara", "Sofia", "Tariq", "Thomas", "Tomas", "Wei", "Yara", "Yusuf", "Zoe",
	}
	lastNames = []string{
		"Ahmed", "Ali", "Andersen", "Baker", "Bauer", "Becker", "Brown", "Carter", "Chen", "Costa", "Demir", "Diaz",
		"Dubois", "Evans", "Fischer", "Garcia", "Gomez", "Haddad", "Hansen", "Hassan", "Hoffmann", "Horvat", "Hughes",
		"Ibrahim", "Ivanova", "Jansen", "Jones", "Kaya", "Khan", "Kim", "Klein", "Kowalski", "Kumar", "Lee", "Lopez",
		"Mehta", "Meyer", "Mensah", "Miller", "Moreau", "Morris", "Murphy", "Nagy", "Nguyen", "Novak", "Okafor", "Olsen",
		"Patel", "Pereira", "Petrov", "Quinn", "Reyes", "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Smith",
		"Suzuki", "Taylor", "Torres", "Walker", "Wang", "Weber", "Wright", "Yilmaz", "Young",
	}
)
